// In place of the library by which Consul finds its members in clouds: it would be a quarter of the build, for what no test does.
module github.com/hashicorp/go-discover

go 1.20
