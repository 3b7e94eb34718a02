#include "filter/auth/forward/forward.h"

#include <gtest/gtest.h>

#include "support/request_world.h"

namespace aralez {
namespace {

/// Keeps the question; the test gives the answer.
class FakeClient final : public SubrequestClient, private PendingSubrequest {
 public:
  Result<PendingSubrequest*> send(const std::shared_ptr<const OutsideServer>&, const Head& request,
                                  const Times& times, SubrequestEvents& events) override {
    if (full) return fail(Errc::limit, Origin::internal, "too many");
    question = &request;
    asked_with = times;
    to = &events;
    return static_cast<PendingSubrequest*>(this);
  }
  void cancel() override { cancelled = true; }

  bool full = false;
  bool cancelled = false;
  const Head* question = nullptr;
  Times asked_with{};
  SubrequestEvents* to = nullptr;
};

class Forward : public testing::RequestWorld {
 protected:
  Forward() {
    add("Host", "a.test");
    head_.method = Method::post;
    head_.method_text = "POST";
    head_.authority = "A.test:81";
    path_.forward = "/x?y=1";
    client_ = {.ip = "192.0.2.7", .tls = true};
    worker_.subrequests = &server_;
  }
  void add(std::string_view name, std::string_view value) {
    head_.fields.add(arena_, {name, arena_.copy(value), field_id(name)});
  }
  std::unique_ptr<const Filter> filter(std::vector<std::string> headers = {}) {
    const AuthConfig block{.type = AuthType::forward,
                           .data = {"http://auth.test:9091/verify?k=v"},
                           .headers = std::move(headers)};
    return make_forward_auth(block, {.host = "a.test",
                                     .path = "/x",
                                     .connect = std::chrono::milliseconds(3000),
                                     .servers = servers_,
                                     .marks = marks_});
  }
  Verdict ask(const Filter& f) {
    auto context = request_context();
    return f.on_request_head(context, first_reply_);
  }
  SubrequestEvents::Want answer(std::uint16_t status, std::initializer_list<Field> fields) {
    Head head{.status = status};
    for (const Field& f : fields) {
      Field with_id = f;
      with_id.id = field_id(f.name);
      head.fields.add(arena_, with_id);
    }
    return server_.to->on_answer(head);
  }
  static std::string text(const Reply& reply) {
    return reply.body.empty() ? "" : std::string(as_text(reply.body[0].slice().bytes()));
  }

  FakeClient server_;
  ForwardServers servers_{""};
  QuestionMarks marks_{""};
  Reply first_reply_;
};

TEST_F(Forward, asks_about_the_request_and_waits) {
  add("Cookie", "a=1");
  add("cookie", "");
  add("cookie", "b=2");
  add("Authorization", "Basic x");
  add("X-Forwarded-Uri", "/spoofed");
  const auto f = filter();
  EXPECT_EQ(ask(*f), Verdict::wait);
  ASSERT_TRUE(pending_);
  const Head& q = *server_.question;
  EXPECT_EQ(q.method_text, "GET");
  EXPECT_EQ(q.target, "/verify?k=v");
  std::string all;
  for (const Field& field : q.fields)
    all += std::string(field.name) + ": " + std::string(field.value) + "\n";
  EXPECT_EQ(all,
            "Host: auth.test:9091\nAralez-Question: " + marks_.of("a.test", "/x") +
                "\nX-Forwarded-Method: POST\nX-Forwarded-Proto: https\n"
                "X-Forwarded-Host: A.test:81\nX-Forwarded-Uri: /x?y=1\nX-Forwarded-For: 192.0.2.7\n"
                "X-Real-IP: 192.0.2.7\nAuthorization: Basic x\nCookie: a=1; b=2\n");
  EXPECT_EQ(server_.asked_with.connect, std::chrono::milliseconds(3000));
  EXPECT_EQ(server_.asked_with.all, std::chrono::milliseconds(10'000));
}

TEST_F(Forward, yes_sets_fields_and_goes_on) {
  add("Remote-User", "root");
  add("X-Team", "all");
  const auto f = filter();
  ASSERT_EQ(ask(*f), Verdict::wait);
  EXPECT_EQ(head_.fields.find("remote-user"), nullptr);
  EXPECT_EQ(answer(200, {{"Remote-User", "ann"},
                         {"X-Role", "a"},
                         {"X-ROLE", "b"},
                         {"Server", "s"},
                         {"X-Forwarded-For", "10.0.0.1"}}),
            SubrequestEvents::Want::head);
  EXPECT_EQ(resumed_, 1);
  EXPECT_EQ(later_, Verdict::proceed);
  EXPECT_EQ(head_.fields.find("Remote-User")->name, "remote-user");
  EXPECT_EQ(head_.fields.find("Remote-User")->value, "ann");
  EXPECT_EQ(head_.fields.find("x-role")->value, "b");
  for (const auto* name : {"Server", "X-Team", "X-Forwarded-For"})
    EXPECT_EQ(head_.fields.find(name), nullptr) << name;
}

TEST_F(Forward, cookies_of_a_yes_are_the_clients) {
  const auto f = filter();
  ASSERT_EQ(ask(*f), Verdict::wait);
  answer(204, {{"Set-Cookie", "a=1; Path=/"}, {"X-User", "ann"}, {"set-cookie", "b=2"}});
  EXPECT_EQ(later_, Verdict::proceed);
  EXPECT_EQ(head_.fields.find(FieldId::set_cookie), nullptr);
  std::string all;
  for (const Field& field : answer_fields_)
    all += std::string(field.name) + ": " + std::string(field.value) + "\n";
  EXPECT_EQ(all, "Set-Cookie: a=1; Path=/\nSet-Cookie: b=2\n");
}

TEST_F(Forward, cookies_of_a_yes_are_bounded_and_come_together_or_not_at_all) {
  const auto f = filter();
  const auto given = [&](std::size_t count, std::size_t size) {
    answer_fields_ = Fields();
    EXPECT_EQ(ask(*f), Verdict::wait);
    Head head{.status = 200};
    const std::string value(size, 'c');
    for (std::size_t i = 0; i < count; ++i)
      head.fields.add(arena_, {"Set-Cookie", value, FieldId::set_cookie});
    server_.to->on_answer(head);
    EXPECT_EQ(later_, Verdict::proceed);
    return answer_fields_.size();
  };
  EXPECT_EQ(given(16, 1), 16U);
  EXPECT_EQ(given(17, 1), 0U);
  EXPECT_EQ(given(4, 4096), 4U);
  EXPECT_EQ(given(1, 16 * 1024 + 1), 0U);
}

TEST_F(Forward, a_question_that_leads_back_is_refused) {
  const auto f = filter();
  add("Aralez-Question", marks_.of("a.test", "/x"));
  EXPECT_EQ(ask(*f), Verdict::replied);
  EXPECT_EQ(first_reply_.status, 503);
  EXPECT_EQ(first_reply_.reason, Reason::auth_loop);
  EXPECT_EQ(server_.question, nullptr);
}

TEST_F(Forward, a_question_of_another_route_is_asked_about_and_kept_in_mind) {
  const auto f = filter();
  const std::string other = marks_.of("a.test", "/");
  add("Aralez-Question", other);
  ASSERT_EQ(ask(*f), Verdict::wait);
  EXPECT_EQ(server_.question->fields.value(FieldId::aralez_question),
            other + ", " + marks_.of("a.test", "/x"));
}

TEST_F(Forward, a_forged_question_is_none) {
  const auto f = filter();
  add("Aralez-Question", QuestionMarks("guess").of("a.test", "/x"));
  ASSERT_EQ(ask(*f), Verdict::wait);
  EXPECT_EQ(head_.fields.find(FieldId::aralez_question), nullptr);
  EXPECT_EQ(server_.question->fields.value(FieldId::aralez_question), marks_.of("a.test", "/x"));
}

TEST_F(Forward, no_is_handed_on_with_its_body) {
  const auto f = filter();
  ASSERT_EQ(ask(*f), Verdict::wait);
  EXPECT_EQ(answer(302, {{"Location", "https://login/"},
                         {"Date", "then"},
                         {"Set-Cookie", "a=1"},
                         {"Content-Type", "text/html"}}),
            SubrequestEvents::Want::body);
  EXPECT_EQ(resumed_, 0);
  server_.to->on_answer_body("go", true);
  EXPECT_EQ(later_, Verdict::replied);
  EXPECT_EQ(reply_.status, 302);
  EXPECT_EQ(reply_.reason, Reason::auth_redirect);
  EXPECT_EQ(reply_.fields.value(FieldId::location), "https://login/");
  EXPECT_EQ(reply_.fields.find(FieldId::date), nullptr);
  EXPECT_NE(reply_.fields.find(FieldId::content_type), nullptr);
  EXPECT_EQ(text(reply_), "go");
  EXPECT_EQ(reply_.length.bytes, 2U);
}

TEST_F(Forward, a_body_that_did_not_come_leaves_nothing_behind) {
  const auto f = filter();
  ASSERT_EQ(ask(*f), Verdict::wait);
  answer(403, {{"Content-Type", "text/html"}, {"Content-Encoding", "gzip"}, {"X-A", "b"}});
  server_.to->on_answer_body("", false);
  EXPECT_EQ(reply_.status, 403);
  EXPECT_EQ(reply_.reason, Reason::auth_denied);
  EXPECT_EQ(reply_.fields.size(), 1U);
  EXPECT_EQ(reply_.length.kind, BodyLength::Kind::known);
  EXPECT_EQ(reply_.length.bytes, 0U);
}

TEST_F(Forward, no_answer_is_401_with_its_reason) {
  const auto f = filter();
  for (const auto& [code, reason] : {std::pair{Errc::timeout, Reason::auth_timeout},
                                     std::pair{Errc::refused, Reason::auth_unreachable},
                                     std::pair{Errc::unverified, Reason::auth_unreachable}}) {
    ASSERT_EQ(ask(*f), Verdict::wait);
    server_.to->on_no_answer({code, Origin::upstream, "why"});
    EXPECT_EQ(later_, Verdict::replied);
    EXPECT_EQ(reply_.status, 401);
    EXPECT_EQ(reply_.reason, reason);
    EXPECT_EQ(reply_.fields.find("www-authenticate")->value, "Forward");
  }
}

TEST_F(Forward, when_nobody_can_be_asked_the_request_is_refused_at_once) {
  server_.full = true;
  const auto f = filter();
  EXPECT_EQ(ask(*f), Verdict::replied);
  EXPECT_EQ(first_reply_.status, 503);
  EXPECT_EQ(first_reply_.reason, Reason::auth_busy);
  EXPECT_EQ(pending_, nullptr);
}

TEST_F(Forward, a_request_that_ends_gives_its_question_up) {
  const auto f = filter();
  ASSERT_EQ(ask(*f), Verdict::wait);
  pending_->cancel();
  EXPECT_TRUE(server_.cancelled);
}

TEST_F(Forward, asks_by_head_where_the_client_did) {
  head_.method = Method::head;
  head_.method_text = "HEAD";
  const auto f = filter();
  ASSERT_EQ(ask(*f), Verdict::wait);
  EXPECT_EQ(server_.question->method_text, "HEAD");
  Head head{.status = 401, .length = BodyLength::of(77)};
  server_.to->on_answer(head);
  server_.to->on_answer_body("", true);
  EXPECT_EQ(reply_.length.bytes, 77U);
}

TEST_F(Forward, two_authorizations_are_asked_about_by_nobody) {
  add("Authorization", "Bearer mine");
  add("authorization", "Bearer theirs");
  const auto f = filter();
  EXPECT_EQ(ask(*f), Verdict::replied);
  EXPECT_EQ(first_reply_.status, 401);
  EXPECT_EQ(first_reply_.reason, Reason::auth_malformed);
  EXPECT_EQ(server_.question, nullptr);
}

TEST_F(Forward, shows_no_query) {
  EXPECT_EQ(filter()->describe(), "authorization: forward, asks http://auth.test:9091/verify");
}

TEST(ForwardServers, are_shared_by_all_who_ask_the_same) {
  ForwardServers servers("");
  const auto url = [](std::string_view text) { return *parse_http_url(text); };
  const auto a = servers.of(url("http://auth.test/a"));
  EXPECT_EQ(a, servers.of(url("http://AUTH.test:80/b?c")));
  EXPECT_NE(a, servers.of(url("http://auth.test:81/a")));
  EXPECT_EQ(a->tls, nullptr);
  const auto tls = servers.of(url("https://auth.test/"));
  EXPECT_TRUE(tls->tls->policy().verify);
}

}  // namespace
}  // namespace aralez
