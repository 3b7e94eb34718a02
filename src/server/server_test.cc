#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/build/build.h"
#include "server/explain.h"
#include "server/options.h"
#include "server/registry.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ParsedOptions options(std::vector<std::string> words) {
  words.insert(words.begin(), "aralez");
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

TEST(Options, take_short_and_long_names) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"-c", "m.yaml", "-d", "-u"},
                                             {"--conf", "m.yaml", "--daemon", "--upgrade"},
                                             {"--conf=m.yaml", "-du", "--nocapture"}}) {
    const auto got = options(words);
    ASSERT_TRUE(got.options);
    EXPECT_EQ(got.options->conf, "m.yaml");
    EXPECT_TRUE(got.options->daemon);
    EXPECT_TRUE(got.options->upgrade);
    EXPECT_EQ(got.options->action, Options::Action::run);
  }
}

TEST(Options, choose_what_is_to_be_done) {
  EXPECT_EQ(options({"-t", "-c", "m"}).options->action, Options::Action::test);
  const auto got = options({"-c", "m", "--explain", "GET http://a/"});
  EXPECT_EQ(got.options->action, Options::Action::explain);
  EXPECT_EQ(got.options->explain, "GET http://a/");
}

TEST(Options, answer_help_and_version_with_0_and_mistakes_with_2) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(options({"-v"}).exit_code, 0);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "aralez " ARALEZ_VERSION "\n");
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(options({"--help"}).exit_code, 0);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("--conf"));
  for (const auto& words : std::vector<std::vector<std::string>>{
           {}, {"-t"}, {"-c"}, {"-c", "m", "-V"}, {"-c", "m", "--nope"}, {"-c", "m", "extra"}}) {
    ::testing::internal::CaptureStderr();
    const auto got = options(words);
    EXPECT_NE(::testing::internal::GetCapturedStderr(), "");
    EXPECT_FALSE(got.options);
    EXPECT_EQ(got.exit_code, 2);
  }
}

/// The whole way from text to filters and back to words.
class Explained : public ::testing::Test {
 protected:
  void SetUp() override {
    main_.proxy_address_http = SocketAddress::parse("0.0.0.0:8080").value();
    main_.proxy_address_tls = SocketAddress::parse("0.0.0.0:8443").value();
    configure(
        "server_headers: ['X-Key: hunter2']\n"
        "upstreams:\n"
        "  shop.test:\n"
        "    paths:\n"
        "      /: {servers: ['10.0.0.1:80', '10.0.0.2:80']}\n"
        "      /admin: {servers: ['10.0.0.3:80'], authorization: {type: basic, data: "
        "'o:hunter2'}}\n"
        "      /old: {redirect_to: 'https://new.test'}\n"
        "      /tls: {servers: ['10.0.0.4:80'], to_https: true}\n"
        "  bare.test: {paths: {/x: {servers: ['10.0.0.5:80']}}}\n");
  }
  void configure(std::string_view text) {
    Diagnostics d;
    upstreams_ = parse_upstreams("provider: file\n" + std::string(text), "up.yaml", d);
    ASSERT_TRUE(upstreams_) << d.render();
    snapshot_ = build_snapshot(
        {.main = main_,
         .upstreams = *upstreams_,
         .make_chain = [this](const RouteConfig& r) { return features_.make_chain(r); },
         .hash_key = 5});
  }
  std::string said(std::string_view request) {
    return explain(request, main_, *snapshot_,
                   [this](const ClusterSpec& cluster, const ConnectionWish& wish) {
                     asked_for_ = wish.host;
                     ServerAnswers all(cluster.endpoints.size(), UpstreamProtocol::tls_h2);
                     all.back() = fail(Errc::refused, Origin::upstream, "connection refused");
                     return all;
                   });
  }

  MainConfig main_;
  NullLogger logger_;
  Features features_{main_, logger_};
  std::optional<UpstreamsConfig> upstreams_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::string asked_for_;
};

TEST_F(Explained, names_listener_host_route_filters_and_servers) {
  const auto text = said("GET http://Shop.test/cart?q");
  EXPECT_THAT(text, HasSubstr("listener: proxy_address_http 0.0.0.0:8080\n"));
  EXPECT_THAT(text, HasSubstr("matching: host shop.test path /cart\n"));
  EXPECT_THAT(text, HasSubstr("host:     shop.test\n"));
  EXPECT_THAT(text, HasSubstr("route:    / at up.yaml:6\n"));
  EXPECT_THAT(text, HasSubstr("filter:   forwarded"));
  EXPECT_THAT(text, HasSubstr("forwards: /cart?q\n"));
  EXPECT_THAT(text, HasSubstr("servers:  10.0.0.1:80, 10.0.0.2:80 (round robin)\n"));
  EXPECT_THAT(text, HasSubstr("X-Key"));
  EXPECT_THAT(text, Not(HasSubstr("hunter2"))) << "values may be secrets";
}

TEST_F(Explained, says_what_the_servers_speak_or_why_that_is_not_known) {
  EXPECT_THAT(said("GET http://Shop.test/cart"),
              HasSubstr("protocol: 10.0.0.1:80 HTTP/2 over TLS\n"
                        "protocol: 10.0.0.2:80 not known: connection refused\n"));
  EXPECT_EQ(asked_for_, "shop.test");
  asked_for_.clear();
  EXPECT_THAT(said("GET http://shop.test/old"), Not(HasSubstr("protocol:")));
  EXPECT_EQ(asked_for_, "") << "nobody is asked for a request that goes nowhere";
}

TEST_F(Explained, takes_a_request_without_method_scheme_or_path) {
  EXPECT_THAT(said("shop.test"), HasSubstr("request:  GET / host shop.test\n"));
  EXPECT_THAT(said("  HEAD   https://shop.test/tls "),
              HasSubstr("listener: proxy_address_tls 0.0.0.0:8443\n"));
}

TEST_F(Explained, shows_the_authorization_before_everything_else) {
  const auto text = said("GET http://shop.test/admin/x");
  EXPECT_LT(text.find("authorization: basic"), text.find("forwarded"));
  EXPECT_THAT(text, Not(HasSubstr("hunter2")));
}

TEST_F(Explained, shows_the_way_to_https_before_the_authorization) {
  configure(
      "to_https: true\n"
      "upstreams: {a: {paths: {/: {servers: ['b:1'], redirect_to: 'http://c', authorization: "
      "{type: basic, data: 'c:d'}}}}}\n");
  const auto text = said("GET http://a/");
  EXPECT_LT(text.find("redirect: plain requests to https"), text.find("authorization: basic"));
  EXPECT_LT(text.find("authorization: basic"), text.find("redirect: to http://c"));
  EXPECT_THAT(text, HasSubstr("answer:   301 https_redirect to https://a:8443/"));
}

TEST_F(Explained, says_why_there_is_no_route) {
  EXPECT_THAT(said("GET http://other.test/"), HasSubstr("no such host, and no DEFAULT"));
  EXPECT_THAT(said("GET http://bare.test/y"), HasSubstr("no route for this path"));
  EXPECT_THAT(said("GET http://shop.test/%00"), HasSubstr("answer:   400"));
  EXPECT_THAT(said("GET http://shop.test/x%2f..%2fadmin"), HasSubstr("also reads as /admin"));
  EXPECT_THAT(said("CONNECT shop.test:443"), HasSubstr("answer:   405"));
}

TEST_F(Explained, says_where_a_redirect_leads) {
  EXPECT_THAT(said("GET http://shop.test/old/a"), HasSubstr("redirect: to https://new.test<path>"));
  EXPECT_THAT(said("GET http://shop.test/tls"), HasSubstr("to https, port 8443"));
}

TEST_F(Explained, says_when_the_catch_all_stood_in) {
  configure("upstreams: {DEFAULT: {paths: {/: {servers: ['10.0.0.9:80']}}}}\n");
  EXPECT_THAT(said("GET http://any.test/"), HasSubstr("host:     DEFAULT (no host of that name)"));
}

TEST_F(Explained, a_global_authorization_stands_before_every_route) {
  configure(
      "authorization: {type: jwt}\n"
      "upstreams: {a: {paths: {/: {servers: ['b:1'], authorization: {type: basic, data: "
      "'c:d'}}}}}\n");
  EXPECT_THAT(said("GET http://a/"), HasSubstr("authorization: jwt"));
}

}  // namespace
}  // namespace aralez
