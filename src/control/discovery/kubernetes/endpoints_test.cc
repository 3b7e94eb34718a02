#include "control/discovery/kubernetes/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "control/json/json_access.h"

namespace aralez::kubernetes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// `host port` of each server.
std::vector<std::string> shown(const std::vector<ServerConfig>& servers) {
  std::vector<std::string> out;
  out.reserve(servers.size());
  for (const ServerConfig& server : servers)
    out.push_back(server.host + " " + std::to_string(server.port));
  return out;
}

std::vector<std::string> servers_in(const std::vector<Slice>& slices, std::string_view port = "") {
  std::vector<const Slice*> views;
  views.reserve(slices.size());
  for (const Slice& slice : slices) views.push_back(&slice);
  return shown(servers_of(views, port));
}

std::vector<std::string> of_endpoints(std::string_view subsets, std::string_view port = "") {
  const auto read =
      read_endpoints(parse_json(R"({"kind":"Endpoints","subsets":)" + std::string(subsets) + "}"));
  return read ? servers_in(*read, port) : std::vector<std::string>{"none"};
}

std::string slice_text(std::string_view kind, std::string_view ports, std::string_view endpoints) {
  return R"({"metadata":{"name":"a-1","labels":{"kubernetes.io/service-name":"a"}},"addressType":")" +
         std::string(kind) + R"(","ports":)" + std::string(ports) + R"(,"endpoints":)" +
         std::string(endpoints) + "}";
}

Slice slice(std::string_view kind, std::string_view ports, std::string_view endpoints) {
  const auto read = read_slice(parse_json(slice_text(kind, ports, endpoints)));
  if (!read) ADD_FAILURE() << "no slice";
  return read.value_or(Slice{});
}

constexpr std::string_view kPort = R"([{"name":"http","port":8080,"protocol":"TCP"}])";

TEST(Endpoints, subsets_are_merged_and_each_has_its_own_port) {
  EXPECT_THAT(of_endpoints(R"([{"addresses":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}],
                                "notReadyAddresses":[{"ip":"10.0.0.9"}],
                                "ports":[{"name":"metrics","port":9100},{"name":"http","port":80}]},
                               {"addresses":[{"ip":"fd00::A"}],
                                "ports":[{"name":"http","port":8080,"protocol":"TCP"}]}])"),
              ElementsAre("10.0.0.1 80", "10.0.0.2 80", "fd00::a 8080"));
}

TEST(Endpoints, without_any_there_are_no_servers) {
  EXPECT_THAT(of_endpoints("[]"), IsEmpty());
  EXPECT_THAT(of_endpoints("null"), IsEmpty());
  EXPECT_THAT(of_endpoints(R"([{"addresses":[{"ip":"10.0.0.1"}]}])"), IsEmpty());
  EXPECT_FALSE(read_endpoints(parse_json(R"({"kind":"Status","code":200})")));
  EXPECT_FALSE(read_endpoints(parse_json("{")));
}

TEST(Endpoints, not_found_is_what_the_api_says_of_this_object) {
  const auto said = [](std::string_view text) { return says_not_found(parse_json(text), "web"); };
  EXPECT_TRUE(said(R"({"kind":"Status","reason":"NotFound","code":404,
                       "details":{"name":"web","kind":"endpoints"}})"));
  for (const char* text :
       {"", "404 page not found", R"({"kind":"Status","reason":"NotFound","details":{}})",
        R"({"kind":"Status","reason":"NotFound","details":{"name":"api","kind":"endpoints"}})",
        R"({"kind":"Status","reason":"NotFound","details":{"name":"web","kind":"pods"}})"})
    EXPECT_FALSE(said(text)) << text;
}

TEST(Ports, the_first_with_a_known_name_or_the_first) {
  const auto chosen = [](std::string_view ports, std::string_view port = "") {
    return servers_in({slice("IPv4", ports, R"([{"addresses":["10.0.0.1"]}])")}, port);
  };
  EXPECT_THAT(chosen(R"([{"name":"metrics","port":1},{"name":"grpc","port":2},
                         {"name":"http","port":3}])"),
              ElementsAre("10.0.0.1 2"));
  EXPECT_THAT(chosen(R"([{"port":1},{"port":2}])"), ElementsAre("10.0.0.1 1"));
  EXPECT_THAT(chosen(R"([{"name":null,"port":1,"protocol":null}])"), ElementsAre("10.0.0.1 1"));
  EXPECT_THAT(chosen(R"([{"name":"web","port":1,"protocol":"UDP"},{"name":"x","port":2},
                         {"name":"http","port":3,"protocol":"SCTP"}])"),
              ElementsAre("10.0.0.1 2"));
  constexpr std::string_view kTwo = R"([{"name":"http","port":1},{"name":"admin","port":2}])";
  EXPECT_THAT(chosen(kTwo, "admin"), ElementsAre("10.0.0.1 2"));
  EXPECT_THAT(chosen(kTwo, "2"), ElementsAre("10.0.0.1 2"));
  EXPECT_THAT(chosen(kTwo, "other"), IsEmpty());
  EXPECT_THAT(chosen(kTwo, "3"), IsEmpty());
}

TEST(Ports, pods_without_the_one_that_others_have_are_left_out) {
  EXPECT_THAT(of_endpoints(R"([{"addresses":[{"ip":"10.0.0.1"}],
                                "ports":[{"name":"http","port":80},{"name":"metrics","port":9}]},
                               {"addresses":[{"ip":"10.0.0.2"}],
                                "ports":[{"name":"metrics","port":9}]}])"),
              ElementsAre("10.0.0.1 80"));
}

TEST(Ports, what_is_no_port_is_left_out) {
  for (const auto* port : {"0", "65536", "-1", "1.5", "\"80\"", "null", "99999999999999999999"})
    EXPECT_THAT(servers_in({slice("IPv4", R"([{"port":)" + std::string(port) + "}]",
                                  R"([{"addresses":["10.0.0.1"]}])")}),
                IsEmpty())
        << port;
}

TEST(Slices, ready_pods_serve_and_leaving_ones_only_when_there_are_no_others) {
  const std::string rest = R"({"addresses":["10.0.0.3"],"conditions":{"ready":false}},
      {"addresses":["10.0.0.4"],
       "conditions":{"ready":false,"serving":true,"terminating":true}},
      {"addresses":["10.0.0.5"],
       "conditions":{"ready":false,"serving":false,"terminating":true}}])";
  EXPECT_THAT(servers_in({slice("IPv4", kPort,
                                R"([{"addresses":["10.0.0.1","10.0.0.9"]},
                                    {"addresses":["10.0.0.2"],"conditions":{"ready":true}},)" +
                                    rest)}),
              ElementsAre("10.0.0.1 8080", "10.0.0.2 8080"));
  EXPECT_THAT(servers_in({slice("IPv4", kPort, "[" + rest)}), ElementsAre("10.0.0.4 8080"));
}

TEST(Slices, of_two_families_the_pods_have_one_address_each) {
  const Slice v4 = slice("IPv4", kPort, R"([{"addresses":["10.0.0.1"]}])");
  const Slice v6 = slice("IPv6", kPort, R"([{"addresses":["fd00::1"]}])");
  const Slice v4_leaving = slice("IPv4", kPort,
                                 R"([{"addresses":["10.0.0.1"],"conditions":
                                      {"ready":false,"serving":true,"terminating":true}}])");
  const Slice names = slice("FQDN", kPort, R"([{"addresses":["DB.example"]}])");
  EXPECT_THAT(servers_in({v6, names, v4}), ElementsAre("10.0.0.1 8080"));
  EXPECT_THAT(servers_in({v6, v4_leaving}), ElementsAre("fd00::1 8080"));
  EXPECT_THAT(servers_in({names, v4_leaving}), ElementsAre("db.example 8080"));
}

TEST(Slices, what_is_no_address_is_left_out) {
  EXPECT_THAT(servers_in({slice("IPv4", kPort,
                                R"([{"addresses":["localhost"]},{"addresses":[]},{"addresses":[7]},
                                    {"addresses":"10.0.0.1"},{},7,{"addresses":["10.0.0.1 "]},
                                    {"addresses":["10.0.0.1"],"conditions":"?"}])")}),
              ElementsAre("10.0.0.1 8080"));
  EXPECT_THAT(servers_in({slice("FQDN", kPort,
                                R"([{"addresses":["a b"]},{"addresses":["10.0.0.1"]},
                                    {"addresses":["http://x"]},{"addresses":["x.test"]}])")}),
              ElementsAre("x.test 8080"));
}

TEST(Slices, of_no_service_or_of_an_unknown_kind_are_none) {
  EXPECT_FALSE(read_slice(parse_json(slice_text("IPv9", "[]", "[]"))));
  EXPECT_FALSE(read_slice(parse_json(R"({"addressType":"IPv4","metadata":{"labels":7}})")));
  EXPECT_FALSE(read_slice(parse_json("[]")));
  EXPECT_FALSE(read_slice(parse_json("")));
}

TEST(Slices, very_many_addresses_are_cut) {
  Slice many;
  many.ports = {{.name = "http", .number = 80}};
  many.ready.assign(kMaxServers + 1, "10.0.0.1");
  EXPECT_THAT(servers_in({many}), SizeIs(kMaxServers));
}

TEST(Slices, whatever_is_in_an_object_nothing_breaks) {
  const std::string good = slice_text("IPv4", kPort, R"([{"addresses":["10.0.0.1"],"conditions":
      {"ready":false,"serving":true,"terminating":true}},{"addresses":["10.0.0.2"]}])");
  const std::string subsets = R"({"kind":"Endpoints","subsets":[{"addresses":[{"ip":"10.0.0.1"}],
      "ports":[{"name":"http","port":80,"protocol":"TCP"}]}]})";
  std::mt19937 random(1);
  constexpr std::string_view kBytes = "{}[]\",:0-9.etrufalsn\\\xff\x01";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = i % 2 == 0 ? good : subsets;
    for (unsigned n = random() % 4; n > 0; --n)
      text[random() % text.size()] = kBytes[random() % kBytes.size()];
    text.resize(random() % 8 == 0 ? random() % text.size() : text.size());
    const auto object = parse_json(text);
    if (const auto read = read_slice(object)) servers_in({*read});
    if (const auto read = read_endpoints(object)) servers_in(*read, "http");
  }
}

TEST(Json, of_any_depth_is_read_without_deep_calls) {
  const std::string deep(200'000, '[');
  EXPECT_TRUE(parse_json(deep).is_discarded());
  EXPECT_FALSE(
      parse_json(R"({"kind":"Endpoints","x":)" + deep + std::string(deep.size(), ']') + "}")
          .is_discarded());
}

}  // namespace
}  // namespace aralez::kubernetes
