#include "control/discovery/consul/instances.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/socket_address.h"

namespace aralez {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> servers(std::string_view text, ConsulAnswer kind = ConsulAnswer::health) {
  const auto found = consul_servers(text, kind);
  if (!found) return {"error: " + found.error()};
  std::vector<std::string> out;
  for (const auto& s : *found) out.push_back(host_and_port(s.host, s.port));
  return out;
}

std::string instance(std::string_view service, std::string_view checks = "",
                     std::string_view node = "10.0.0.1") {
  return fmt::format(R"({{"Node": {{"Address": "{}"}}, "Service": {{{}}}, "Checks": [{}]}})", node,
                     service, checks);
}

std::string check(std::string_view status, std::string_view id = "service:web") {
  return fmt::format(R"({{"CheckID": "{}", "Status": "{}"}})", id, status);
}

std::string list(std::initializer_list<std::string> instances) {
  std::string out = "[";
  for (const auto& i : instances) out += (out.size() > 1 ? "," : "") + i;
  return out + "]";
}

std::string at(std::string_view address, int port) {
  return fmt::format(R"("Address": "{}", "Port": {})", address, port);
}

TEST(ConsulInstances, are_where_the_service_is_and_else_on_the_node) {
  EXPECT_THAT(servers(list({instance(at("10.1.0.1", 80))})), ElementsAre("10.1.0.1:80"));
  EXPECT_THAT(servers(list({instance(at("", 80))})), ElementsAre("10.0.0.1:80"));
  EXPECT_THAT(servers(list({instance(at("Web.Test", 80))})), ElementsAre("web.test:80"));
  EXPECT_THAT(servers(list({instance(at("2001:db8::1", 80))})), ElementsAre("[2001:db8::1]:80"));
  EXPECT_THAT(servers("[]"), IsEmpty());
}

TEST(ConsulInstances, have_an_address_for_the_lan_that_comes_first) {
  const std::string tagged =
      R"("TaggedAddresses": {"wan_ipv4": {"Address": "1.1.1.1", "Port": 1},
                             "lan_ipv4": {"Address": "10.2.0.1", "Port": 8080}}, )";
  EXPECT_THAT(servers(list({instance(tagged + at("10.1.0.1", 80))})), ElementsAre("10.2.0.1:8080"));
  const std::string no_port = R"("TaggedAddresses": {"lan_ipv4": {"Address": "10.2.0.1"}}, )";
  EXPECT_THAT(servers(list({instance(no_port + at("10.1.0.1", 80))})), ElementsAre("10.2.0.1:80"));
}

/// Defect 4: an instance without lan_ipv4 ended the process.
TEST(ConsulInstances, of_the_catalog_need_no_address_for_the_lan) {
  const std::string text = R"([
    {"Address": "10.0.0.1", "ServiceAddress": "", "ServicePort": 81},
    {"Address": "10.0.0.1", "ServiceAddress": "10.0.0.2", "ServicePort": 82, "ServiceTaggedAddresses": {}},
    {"Address": "10.0.0.1", "ServiceAddress": "10.0.0.2", "ServicePort": 83,
     "ServiceTaggedAddresses": {"lan_ipv4": {"Address": "10.0.0.3", "Port": 83}}}])";
  EXPECT_THAT(servers(text, ConsulAnswer::catalog),
              ElementsAre("10.0.0.1:81", "10.0.0.2:82", "10.0.0.3:83"));
}

TEST(ConsulInstances, that_fail_their_checks_are_left_out_while_there_are_others) {
  const std::string bad = instance(at("10.0.0.9", 80), check("passing") + "," + check("critical"));
  const std::string warned = instance(at("10.0.0.2", 80), check("warning"));
  EXPECT_THAT(servers(list({bad, warned})), ElementsAre("10.0.0.2:80"));
  EXPECT_THAT(servers(list({bad})), ElementsAre("10.0.0.9:80")) << "our own checks decide";
}

TEST(ConsulInstances, in_maintenance_are_left_out_always) {
  const std::string node = instance(at("10.0.0.8", 80), check("critical", "_node_maintenance"));
  const std::string one =
      instance(at("10.0.0.9", 80), check("critical", "_service_maintenance:web-1"));
  EXPECT_THAT(servers(list({node, one})), IsEmpty());
}

TEST(ConsulInstances, without_a_place_are_left_out_but_alone_are_no_answer) {
  const std::string good = instance(at("10.0.0.2", 80));
  for (const auto& bad :
       {instance(at("10.0.0.1", 0)), instance(at("10.0.0.1", 65536)), instance(at("10.0.0.1", -1)),
        instance(at("not a host", 80)), instance(R"("Port": "80")"), instance(at("", 80), "", ""),
        std::string("{}"), std::string(R"({"Service": 5, "Checks": 7})")}) {
    EXPECT_THAT(servers(list({bad, good})), ElementsAre("10.0.0.2:80")) << bad;
    EXPECT_THAT(servers(list({bad})),
                ElementsAre("error: no instance in the answer has an address and a port"))
        << bad;
  }
}

TEST(ConsulInstances, are_in_a_list_and_nothing_else_is_believed) {
  for (const auto* bad : {"", "null", "{}", "5", "[5]", "[[]]", "[{]", "[{}", "\xff\xfe"})
    EXPECT_EQ(servers(bad).at(0), "error: the answer is no list of instances") << bad;
  const std::string deep(200'000, '[');
  EXPECT_EQ(servers(deep).size(), 1U);
  std::string many = "[";
  for (int i = 0; i <= 10'000; ++i) many += (i > 0 ? "," : "") + instance(at("10.0.0.1", 80));
  EXPECT_EQ(servers(many + "]").at(0), "error: the answer has more instances than are believed");
}

}  // namespace
}  // namespace aralez
