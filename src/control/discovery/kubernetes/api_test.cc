#include "control/discovery/kubernetes/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/temp_folder.h"

namespace aralez::kubernetes {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct ApiTest : testing::TempFolderTest {
  [[nodiscard]] Api api() const { return {config, environment}; }

  KubernetesConfig config{.tokenpath = path("token")};
  PodEnvironment environment;
};

TEST_F(ApiTest, servers_are_those_of_the_configuration_or_of_the_pod) {
  EXPECT_THAT(api().servers(), IsEmpty());
  environment = {.host = "10.96.0.1", .port = "443"};
  EXPECT_THAT(api().servers(), ElementsAre("https://10.96.0.1:443"));
  environment = {.host = "fd00::1", .port = "443"};
  EXPECT_THAT(api().servers(), ElementsAre("https://[fd00::1]:443"));
  config.servers = {"a.test:6443", "[::1]:6443"};
  EXPECT_THAT(api().servers(), ElementsAre("https://a.test:6443", "https://[::1]:6443"));
}

TEST_F(ApiTest, an_environment_without_an_address_is_none) {
  for (const auto& [host, port] :
       {std::pair{"", "443"}, {"10.0.0.1", ""}, {"10.0.0.1", "x"}, {"a/b", "443"}, {"a@b", "1"}}) {
    environment = {.host = host, .port = port};
    EXPECT_THAT(api().servers(), IsEmpty()) << host << port;
  }
}

TEST_F(ApiTest, the_token_is_read_for_each_request) {
  const Api one = api();
  EXPECT_THAT(one.request("https://x/").error(), EndsWith("token: No such file or directory"));
  write("token", " first.token\n");
  EXPECT_THAT(one.request("https://x/")->fields, Contains("Authorization: Bearer first.token"));
  write("token", "second");
  EXPECT_THAT(one.request("https://x/")->fields, Contains("Authorization: Bearer second"));
}

TEST_F(ApiTest, what_is_no_token_is_refused_and_not_shown) {
  for (const auto& text : {std::string(), std::string(" \n"), std::string("a\nX-Secret: b"),
                           std::string("a\0secret", 8), std::string("secret\x7f"),
                           std::string("secr\xc3\xa9t"), std::string(100'000, 's')}) {
    write("token", text);
    const auto request = api().request("https://x/");
    ASSERT_FALSE(request) << text;
    EXPECT_THAT(request.error(), EndsWith("token: no token"));
    EXPECT_THAT(request.error(), Not(HasSubstr("secr")));
  }
}

TEST_F(ApiTest, certificates_are_those_beside_the_token_if_nobody_says_otherwise) {
  write("token", "t");
  const Api one = api();
  EXPECT_EQ(one.request("https://x/")->ca_file, "");
  write("ca.crt", "any");
  EXPECT_EQ(one.request("https://x/")->ca_file, path("ca.crt"));
  config.ca_file = "/other.crt";
  EXPECT_EQ(api().request("https://x/")->ca_file, "/other.crt");
}

TEST_F(ApiTest, the_namespace_is_that_of_configuration_file_environment_in_this_order) {
  EXPECT_EQ(api().name_space(), "default");
  environment.name_space = "of-env";
  const Api one = api();
  EXPECT_EQ(one.name_space(), "of-env");
  write("namespace", "of-file\n");
  EXPECT_EQ(one.name_space(), "of-file");
  write("namespace", "\n");
  EXPECT_EQ(one.name_space(), "of-env");
  std::filesystem::create_directory(path("folder"));
  std::filesystem::remove(path("namespace"));
  std::filesystem::create_symlink("folder", path("namespace"));
  EXPECT_THAT(one.name_space().error(), EndsWith("namespace: not a regular file"));
  config.name_space = "written";
  EXPECT_EQ(api().name_space(), "written");
}

TEST_F(ApiTest, names_cannot_leave_their_place_in_a_path) {
  EXPECT_EQ(list_path("shop", {"a", "b-2"}, ""),
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector="
            "kubernetes.io%2Fservice-name%20in%20%28a%2Cb-2%29&limit=100");
  EXPECT_THAT(list_path("shop", {"a"}, "x=&y"), EndsWith("&limit=100&continue=x%3D%26y"));
  EXPECT_THAT(watch_path("a/../b", {"a"}, "7&x", 60), HasSubstr("/namespaces/a%2F..%2Fb/"));
  EXPECT_THAT(watch_path("x", {"a"}, "7&x", 60),
              EndsWith("%28a%29&watch=true&allowWatchBookmarks=true&resourceVersion=7%26x"
                       "&timeoutSeconds=60"));
  EXPECT_EQ(endpoints_path("shop", "a"), "/api/v1/namespaces/shop/endpoints/a");
  std::set<std::string> many;
  for (int i = 0; i < 101; ++i) many.insert("service-" + std::to_string(i));
  EXPECT_THAT(list_path("shop", many, ""),
              HasSubstr("labelSelector=kubernetes.io%2Fservice-name&"));
}

TEST_F(ApiTest, names_of_services_are_labels) {
  for (const char* good : {"a", "shop-api", "x1"}) EXPECT_TRUE(is_service_name(good)) << good;
  for (const char* bad : {"", "a.b", "a,b", "a)", "-a", "a b", "a_b", "10"})
    EXPECT_FALSE(is_service_name(bad)) << bad;
  EXPECT_FALSE(is_service_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace aralez::kubernetes
