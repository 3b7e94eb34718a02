#include "admin/admin_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/build/build.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Admin : public ::testing::Test {
 protected:
  void SetUp() override {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->generation = 1;
    config_.applied({.since = std::chrono::system_clock::now(), .snapshot = snapshot}, "");
  }
  /// An answer in one line: status, content type, body.
  std::string ask(Method method, std::string_view target, std::string_view body = {},
                  std::vector<std::pair<std::string, std::string>> fields = {}) {
    asked_ = std::move(fields);
    Head head{.method = method, .target = target, .authority = "127.0.0.1:3000"};
    for (const auto& [name, value] : asked_) head.fields.add(arena_, {name, value, field_id(name)});
    const auto path = normalise_target(target, arena_);
    RequestContext request{head, *path, "127.0.0.1", client_, arena_, pool_, 1'000'000};
    Chain sent;
    if (!body.empty()) {
      BlockRef block = pool_.take_sized(body.size());
      std::copy(as_bytes(body).begin(), as_bytes(body).end(), block.bytes().begin());
      sent.push_back(Piece(Slice(block, block.bytes().first(body.size()))));
    }
    wanted_ = service_.max_body(request);
    reply_ = Reply();
    EXPECT_EQ(service_.respond(request, sent, reply_), Verdict::replied);
    EXPECT_EQ(reply_.length.bytes, reply_.body.bytes());
    std::string text;
    for (std::size_t i = 0; i < reply_.body.count(); ++i) text += reply_.body[i].slice().text();
    const auto type = reply_.fields.value(FieldId::content_type);
    return std::to_string(reply_.status) + " [" + std::string(type) + "] " + text;
  }
  std::string get(std::string_view target) { return ask(Method::get, target); }
  std::string post(std::string_view target, std::string_view body) {
    return ask(Method::post, target, body);
  }

  BlockPool pool_;
  Arena arena_{pool_};
  ClientInfo client_{.ip = "127.0.0.1", .peer_loopback = true};
  std::vector<std::pair<std::string, std::string>> asked_;
  std::size_t wanted_ = 0;
  Reply reply_;
  ConfigState config_;
  std::string submitted_;
  std::expected<void, std::string> result_;
  std::expected<std::string, std::string> account_;
  std::expected<CertificateOrders::Outcome, std::string> outcome_;
  std::string ordered_;
  std::shared_ptr<ChallengeTable> challenges_ = std::make_shared<ChallengeTable>();
  AdminService service_{{.access = {.master_key = "hunter2"},
                         .config_api_enabled = true,
                         .config = config_,
                         .read_status = [this] { return StatusInput{.config = config_.read()}; },
                         .submit =
                             [this](std::string text, Reloader::Save save) {
                               submitted_ = (save == Reloader::Save::yes ? "saved " : "") + text;
                               return result_;
                             },
                         .create_account = [this] { return account_; },
                         .order_certificate =
                             [this](std::string_view name) {
                               ordered_ = name;
                               return outcome_;
                             },
                         .challenges = challenges_}};
};

TEST_F(Admin, applies_what_is_pushed) {
  EXPECT_EQ(post("/conf", "provider: file\n"), "200 [] Accepted! Applying in background\n");
  EXPECT_EQ(submitted_, "provider: file\n");
  EXPECT_EQ(wanted_, 2U * 1024 * 1024);
  EXPECT_EQ(post("/conf?save", "x"), "200 [] Accepted! Applying in background\n");
  EXPECT_EQ(submitted_, "saved x");
}

TEST_F(Admin, says_what_is_wrong_with_it) {
  result_ = std::unexpected("body:1:1: one\nbody:2:1: two\n");
  EXPECT_EQ(post("/conf", "x"), "502 [] Failed: body:1:1: one\nbody:2:1: two\n");
  EXPECT_THAT(post("/conf", "\xff"), StartsWith("400 "));
}

TEST_F(Admin, reads_no_body_of_a_request_that_gets_nothing) {
  client_ = {.ip = "192.0.2.1"};
  EXPECT_EQ(post("/conf", ""), "403 [] Access Denied !\n");
  EXPECT_EQ(wanted_, 0U);
  EXPECT_EQ(ask(Method::post, "/conf", "x", {{"x-api-key", "hunter2"}}),
            "200 [] Accepted! Applying in background\n");
  EXPECT_EQ(get("/nothing"), "403 [] Access Denied !\n") << "no difference shows what there is";
  EXPECT_EQ(get("/.well-known/acme-challenge/x"), "404 [] Not found");
}

TEST_F(Admin, knows_paths_and_methods) {
  EXPECT_EQ(get("/conf"), "405 [] ");
  EXPECT_EQ(reply_.fields.find("allow")->value, "POST");
  EXPECT_EQ(post("/status?live", ""), "405 [] ");
  EXPECT_EQ(reply_.fields.find("allow")->value, "GET,HEAD");
  EXPECT_EQ(get("/conf/"), "404 [] ");
  EXPECT_EQ(get("/acme_order/"), "404 [] ");
}

TEST_F(Admin, shows_status) {
  EXPECT_EQ(get("/status"), "500 [] Parameter mismatch");
  EXPECT_EQ(get("/status?live"), "200 [application/json] {}");
  EXPECT_EQ(get("/status?all&live"), "200 [application/json] {}");
  EXPECT_EQ(get("/status?all"), "200 [application/json] {}");
  EXPECT_THAT(get("/status?format=json"), StartsWith("200 [application/json] {\"version\":"));
  EXPECT_EQ(get("/status?format=xml"), "500 [] Parameter mismatch");
}

TEST_F(Admin, makes_an_account) {
  account_ = "https://ca/acct/1";
  EXPECT_EQ(get("/acme_create"), "200 [text/plain] https://ca/acct/1\n");
  account_ = std::unexpected("no CA");
  EXPECT_EQ(post("/acme_create", ""), "500 [] Failed to create account: no CA\n");
}

TEST_F(Admin, orders_certificates) {
  outcome_ = CertificateOrders::Outcome::issued;
  EXPECT_EQ(get("/acme_order/a.test"), "200 [text/plain] Certificate is successfully generated \n");
  EXPECT_EQ(ordered_, "a.test");
  outcome_ = CertificateOrders::Outcome::fresh;
  EXPECT_EQ(ask(Method::del, "/acme_order//b.test//"),
            "200 [text/plain] Fresh certificate exists. Not renewing ! \n");
  EXPECT_EQ(ordered_, "b.test");
  outcome_ = std::unexpected("no name");
  EXPECT_EQ(get("/acme_order/..%2Fx"), "500 [] Failed to order a certificate: no name\n");
  EXPECT_EQ(ordered_, "..%2Fx");
  EXPECT_EQ(get("/acme_order///"), "404 [] ");
}

TEST_F(Admin, answers_challenges_that_are_met) {
  const ChallengeTable::Met met(*challenges_, "token", "token.print");
  EXPECT_EQ(get("/.well-known/acme-challenge/token"), "200 [text/plain] token.print");
  EXPECT_EQ(get("/.well-known/acme-challenge/token/"), "404 [] Not found");
}

TEST_F(Admin, issues_tokens) {
  const std::vector<std::pair<std::string, std::string>> json = {
      {"content-type", "application/json"}};
  EXPECT_EQ(ask(Method::post, "/jwt", R"({"master_key":"x","owner":"o","exp":1})", json),
            R"(403 [application/json] {"token":"Unauthorised"})");
  EXPECT_THAT(ask(Method::post, "/jwt", R"({"master_key":"hunter2","owner":"o","exp":1})", json),
              StartsWith(R"(201 [application/json] {"token":"eyJ)"));
  EXPECT_THAT(post("/jwt", "{}"), StartsWith("415 [text/plain; charset=utf-8] "));
}

TEST_F(Admin, page_runs_its_own_script_and_nothing_else) {
  EXPECT_THAT(get("/"), StartsWith("200 [text/html; charset=utf-8] <!doctype html>"));
  const auto policy = std::string(reply_.fields.find("content-security-policy")->value);
  EXPECT_THAT(policy, StartsWith("default-src 'none'; "));
  EXPECT_THAT(policy, HasSubstr("script-src 'sha256-"));
  EXPECT_THAT(policy, ::testing::Not(HasSubstr("unsafe")));
  EXPECT_EQ(reply_.fields.find("referrer-policy")->value, "no-referrer");
  EXPECT_THAT(std::string(kPageHtml), HasSubstr("<style>" + std::string(kPageStyle) + "</style>"));
  EXPECT_THAT(std::string(kPageHtml),
              HasSubstr("<script>" + std::string(kPageScript) + "</script>"));
}

}  // namespace
}  // namespace aralez
