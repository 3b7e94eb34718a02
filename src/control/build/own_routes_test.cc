#include "control/build/own_routes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aralez {
namespace {

using ::testing::HasSubstr;

bool leads(std::string_view host, std::uint16_t port, std::string_view listener) {
  return leads_to({.host = std::string(host), .port = port}, *SocketAddress::parse(listener));
}

/// With `paths` for one host.
UpstreamsConfig with_paths(std::string_view host, std::string_view paths,
                           Diagnostics& diagnostics) {
  auto config =
      parse_upstreams(fmt::format("provider: file\nupstreams:\n  {}:\n    paths:\n{}", host, paths),
                      "up.yaml", diagnostics);
  EXPECT_TRUE(config) << diagnostics.render();
  return std::move(config).value();
}

TEST(OwnRoutes, are_those_whose_server_ends_at_the_listener) {
  EXPECT_TRUE(leads("127.0.0.1", 3000, "127.0.0.1:3000"));
  EXPECT_TRUE(leads("localhost", 3000, "127.0.0.1:3000"));
  EXPECT_TRUE(leads("api.localhost", 3000, "[::1]:3000"));
  EXPECT_TRUE(leads("0.0.0.0", 3000, "127.0.0.1:3000"));
  EXPECT_TRUE(leads("::ffff:127.0.0.1", 3000, "127.0.0.1:3000"));
  EXPECT_TRUE(leads("192.0.2.1", 3000, "192.0.2.1:3000"));
  EXPECT_FALSE(leads("127.0.0.1", 3001, "127.0.0.1:3000"));
  EXPECT_FALSE(leads("192.0.2.1", 3000, "127.0.0.1:3000"));
  EXPECT_FALSE(leads("127.0.0.1", 3000, "192.0.2.1:3000"));
  EXPECT_FALSE(leads("api.test", 3000, "127.0.0.1:3000"));
}

TEST(OwnRoutes, of_a_listener_on_all_addresses_are_those_of_any_of_them) {
  for (const char* all : {"0.0.0.0:3000", "[::]:3000"}) {
    EXPECT_TRUE(leads("127.0.0.1", 3000, all));
    EXPECT_TRUE(leads("::1", 3000, all));
    EXPECT_TRUE(leads("localhost", 3000, all));
    EXPECT_FALSE(leads("192.0.2.1", 3000, all)) << "not an address of this machine";
  }
}

TEST(OwnRoutes, the_listener_with_tls_is_one_too) {
  MainConfig main;
  main.config_address = *SocketAddress::parse("127.0.0.1:3000");
  main.config_tls_address = *SocketAddress::parse("127.0.0.1:3443");
  Diagnostics diagnostics;
  const auto config =
      with_paths("a.test", "      /:\n        servers: ['https://127.0.0.1:3443']\n", diagnostics);
  EXPECT_TRUE(leads_to_api(config.hosts[0].paths[0], main));
  warn_of_own_routes(config, main, diagnostics);
  EXPECT_THAT(diagnostics.render(), HasSubstr("a.test/ leads to config_tls_address, the API"));
}

TEST(OwnRoutes, are_warned_of_with_their_place) {
  MainConfig main;
  main.config_address = *SocketAddress::parse("127.0.0.1:3000");
  Diagnostics diagnostics;
  const auto config =
      with_paths("DEFAULT", "      /:\n        servers: ['127.0.0.1:3000']\n", diagnostics);
  EXPECT_TRUE(leads_to_api(config.hosts[0].paths[0], main));
  warn_of_own_routes(config, main, diagnostics);
  EXPECT_THAT(diagnostics.render(), HasSubstr("up.yaml:6:"));
  EXPECT_THAT(diagnostics.render(),
              HasSubstr("warning: servers: DEFAULT/ leads to config_address"));
}

TEST(OwnRoutes, to_a_listener_for_clients_are_warned_of_with_their_place) {
  MainConfig main;
  main.config_address = *SocketAddress::parse("127.0.0.1:3000");
  main.proxy_address_http = *SocketAddress::parse("0.0.0.0:8080");
  main.proxy_address_tls = *SocketAddress::parse("0.0.0.0:8443");
  main.file_server_address = *SocketAddress::parse("127.0.0.1:8081");
  Diagnostics diagnostics;
  const auto config = with_paths("a.test",
                                 "      /: {servers: ['127.0.0.1:8080']}\n"
                                 "      /t: {servers: ['https://localhost:8443']}\n"
                                 "      /f: {servers: ['127.0.0.1:8081', '192.0.2.1:8080']}\n",
                                 diagnostics);
  const auto& paths = config.hosts[0].paths;
  EXPECT_TRUE(leads_to_proxy(paths[0], main));
  EXPECT_TRUE(leads_to_proxy(paths[1], main));
  EXPECT_FALSE(leads_to_proxy(paths[2], main)) << "the file server sends nothing back";
  warn_of_own_routes(config, main, diagnostics);
  const std::string said = diagnostics.render();
  EXPECT_THAT(said, HasSubstr("up.yaml:5:"));
  EXPECT_THAT(said, HasSubstr("warning: servers: a.test/ leads to proxy_address_http, this proxy"));
  EXPECT_THAT(said, HasSubstr("a.test/t leads to proxy_address_tls"));
  EXPECT_EQ(diagnostics.warnings(), 2U);
}

}  // namespace
}  // namespace aralez
