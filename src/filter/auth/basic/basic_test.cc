#include "filter/auth/basic/basic.h"

#include "base/base64.h"
#include "filter/auth/auth_world_test.h"

namespace aralez {
namespace {

// All of them are "s3cret", made by libcrypt.
constexpr auto kBcrypt = "ann:$2b$04$7ywvuQffn4KaHGPugekrtu9CafubevfTqbUPxotOJJ3dJot9FwujC";
constexpr auto kSha256Crypt =
    "bob:$5$rounds=1000$pIIZ8VVDGXuvnNP7$ALNJygyv58V.q7V4xIHupyXolzAHyKSTewhFie1KwY3";

std::string basic(std::string_view credentials, std::string_view scheme = "Basic ") {
  std::string encoded((credentials.size() + 2) / 3 * 4, '\0');
  encode_base64(std::as_bytes(std::span(credentials)), encoded.data());
  return std::string(scheme) + encoded;
}

class Basic : public AuthWorld {
 protected:
  BasicFilter filter(std::initializer_list<std::string_view> entries) {
    auto accounts = std::make_shared<Accounts>(shared_.key());
    for (const auto entry : entries) accounts->add(entry);
    return {std::move(accounts), shared_};
  }
  std::string texts_[64];
  std::size_t used_ = 0;
  Verdict try_with(const BasicFilter& f, std::string text) {
    std::string& kept = texts_[used_++ % 64];
    kept = std::move(text);
    return ask_with(f, kept);
  }
};

TEST_F(Basic, lets_in_with_a_password_in_the_clear_at_once) {
  const auto f = filter({"ops:s3cret:with:colons", "other:pw"});
  EXPECT_EQ(try_with(f, basic("ops:s3cret:with:colons")), Verdict::proceed);
  EXPECT_EQ(try_with(f, basic("other:pw", "bAsIc   ")), Verdict::proceed);
  EXPECT_EQ(first_, Verdict::proceed);
}

TEST_F(Basic, refuses_everything_else_with_401) {
  const auto f = filter({"ops:s3cret"});
  struct Case {
    std::string value;
    Reason reason;
  };
  for (const Case& c :
       {Case{basic("ops:wrong"), Reason::auth_wrong}, Case{basic("ops:"), Reason::auth_wrong},
        Case{basic("nobody:s3cret"), Reason::auth_wrong},
        Case{basic("ops:s3cret", "Bearer "), Reason::auth_missing},  // behaviour section 8.1
        Case{basic("ops:s3cret", ""), Reason::auth_missing},
        Case{basic("ops:s3cret", "Basic"), Reason::auth_missing}, Case{"", Reason::auth_missing},
        Case{"Basic", Reason::auth_malformed}, Case{"Basic ", Reason::auth_malformed},
        Case{basic("ops:s3cret") + "=", Reason::auth_malformed},
        Case{basic("ops:s3cret") + " ", Reason::auth_malformed},
        Case{basic("nocolon"), Reason::auth_malformed},
        Case{"Basic " + std::string(4100, 'A'), Reason::auth_malformed}}) {
    EXPECT_EQ(try_with(f, c.value), Verdict::replied) << c.value;
    EXPECT_EQ(reply_.status, 401);
    EXPECT_EQ(reply_.reason, c.reason) << c.value;
    EXPECT_EQ(challenge(), R"(Basic realm="aralez", charset="UTF-8")");
    EXPECT_EQ(reply_.fields.find("cache-control")->value, "private, no-store");
  }
  begin();
  for (int i = 0; i < 2; ++i)
    head_.fields.add(arena_, {"Authorization", "Basic b3BzOnMzY3JldA==", FieldId::authorization});
  EXPECT_EQ(ask(f), Verdict::replied);
  EXPECT_EQ(reply_.reason, Reason::auth_malformed);
}

TEST_F(Basic, checks_hashes_elsewhere_and_remembers_what_was_good) {
  const auto f = filter({kBcrypt, kSha256Crypt, "eve:plain"});
  for (const auto* user : {"ann", "bob"}) {
    EXPECT_EQ(try_with(f, basic(std::string(user) + ":s3cret")), Verdict::proceed);
    EXPECT_EQ(first_, Verdict::wait);
    EXPECT_EQ(try_with(f, basic(std::string(user) + ":s3cret")), Verdict::proceed);
    EXPECT_EQ(first_, Verdict::proceed) << "remembered";
  }
  now_ += 599;
  EXPECT_EQ(try_with(f, basic("ann:s3cret")), Verdict::proceed);
  EXPECT_EQ(first_, Verdict::proceed);
  now_ += 599;  // of the last use
  EXPECT_EQ(try_with(f, basic("ann:s3cret")), Verdict::proceed);
  EXPECT_EQ(first_, Verdict::proceed);
  EXPECT_EQ(try_with(f, basic("bob:s3cret")), Verdict::proceed);
  EXPECT_EQ(first_, Verdict::wait) << "not used for longer";
  EXPECT_EQ(try_with(f, basic("eve:plain")), Verdict::proceed);
  EXPECT_EQ(first_, Verdict::proceed);
}

// Whoever guesses learns nothing of who is there: all of them are a matter for the other threads.
TEST_F(Basic, unknown_users_take_the_way_of_known_ones) {
  const auto f = filter({kBcrypt, "eve:plain"});
  for (const auto* wrong : {"ann:wrong", "nobody:s3cret", "eve:wrong", "ann:", ":s3cret"}) {
    EXPECT_EQ(try_with(f, basic(wrong)), Verdict::replied) << wrong;
    EXPECT_EQ(first_, Verdict::wait) << wrong;
    EXPECT_EQ(reply_.status, 401);
    EXPECT_EQ(reply_.reason, Reason::auth_wrong);
  }
}

TEST_F(Basic, a_password_of_another_list_is_not_remembered_for_this_one) {
  const auto one = filter({kBcrypt});
  const auto two = filter({"ann:$2b$04$aaaaaaaaaaaaaaaaaaaaaO9CafubevfTqbUPxotOJJ3dJot9FwujC"});
  EXPECT_EQ(try_with(one, basic("ann:s3cret")), Verdict::proceed);
  EXPECT_EQ(try_with(two, basic("ann:s3cret")), Verdict::replied);
  EXPECT_EQ(try_with(filter({kBcrypt}), basic("ann:s3cret")), Verdict::proceed);
  EXPECT_EQ(first_, Verdict::proceed) << "the same list after a reload";
}

TEST_F(Basic, answers_503_when_too_many_passwords_wait) {
  const auto f = filter({kBcrypt});
  shared_.stop();  // takes none any more
  EXPECT_EQ(try_with(f, basic("ann:s3cret")), Verdict::replied);
  EXPECT_EQ(reply_.status, 503);
  EXPECT_EQ(reply_.reason, Reason::auth_busy);
  EXPECT_EQ(reply_.fields.find("retry-after")->value, "1");
}

TEST(Accounts, bound_what_is_hashed) {
  Accounts accounts("key");
  accounts.add(kSha256Crypt);
  EXPECT_TRUE(accounts.fits_hashed("bob", "s3cret"));
  EXPECT_FALSE(accounts.fits_hashed("bob", std::string("s3cret\0x", 8)));
  EXPECT_FALSE(accounts.fits_hashed("bob", std::string(1'000'000, 'x')));
  EXPECT_FALSE(accounts.fits_hashed("nobody", "s3cret"));
}

TEST(Accounts, take_every_hash_of_a_user) {
  Accounts accounts("key");
  accounts.add("bob:$2b$04$aaaaaaaaaaaaaaaaaaaaaO9CafubevfTqbUPxotOJJ3dJot9FwujC");
  accounts.add(kSha256Crypt);
  EXPECT_TRUE(accounts.fits_hashed("bob", "s3cret"));
}

}  // namespace
}  // namespace aralez
