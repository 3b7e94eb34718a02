#include "io/dns/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <optional>

#include "io/dns/dns_server_test.h"

namespace aralez {
namespace {

using Mood = DnsServer::Mood;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> texts(std::span<const SocketAddress> addresses) {
  std::vector<std::string> out;
  for (const auto& a : addresses) out.push_back(a.ip());
  return out;
}

/// One who wants to know a name, and remembers what it was told.
class Asker final : private NameEvents {
 public:
  Asker(Resolver& resolver, const std::string& name) {
    watch.emplace(resolver, name, static_cast<NameEvents&>(*this));
  }

  [[nodiscard]] Result<std::span<const SocketAddress>> look() { return watch->look(); }
  [[nodiscard]] std::vector<std::string> now() {
    const auto known = watch->look();
    return known ? texts(*known) : std::vector<std::string>{std::string(known.error().what)};
  }
  [[nodiscard]] std::size_t events() const { return found.size() + errors.size(); }

  std::optional<NameWatch> watch;
  std::vector<std::vector<std::string>> found;
  std::vector<std::string> errors;
  std::function<void()> then = [] {};

 private:
  void on_addresses(std::span<const SocketAddress> addresses) override {
    found.push_back(texts(addresses));
    then();
  }
  void on_unresolved(Error why) override {
    EXPECT_EQ(why.code, Errc::unresolved);
    errors.emplace_back(why.what);
    then();
  }
};

class Recorder final : public ResolverObserver {
 public:
  void on_lookup(const NameReport& report) override {
    ++lookups;
    if (report.change != NameChange::none) changes.push_back(report.change);
    EXPECT_EQ(report.error != nullptr, report.change == NameChange::kept ||
                                           report.change == NameChange::unknown ||
                                           (report.change == NameChange::none && failing_));
    failing_ = report.error != nullptr;
  }
  std::size_t lookups = 0;
  std::vector<NameChange> changes;

 private:
  bool failing_ = false;
};

class ResolverTest : public ::testing::Test {
 protected:
  void until(const std::function<bool()>& done, const char* what) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "waited for: " << what;
      reactor.turn(Millis{2});
      server.serve();
    }
  }
  void until_told(const Asker& asker, std::size_t events = 1) {
    until([&] { return asker.events() >= events; }, "an event");
  }
  static std::size_t open_files() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  DnsServer server;
  Reactor reactor;
  Recorder seen;
  /// Answers are believed for as short as the timer wheel can tell.
  Resolver quick{
      reactor,
      seen,
      {.rules = {.min_ttl = Millis(10), .first_retry = Millis(10), .max_retry = Millis(10)},
       .servers = server.address()}};
  Resolver steady{reactor, seen, {.rules = {}, .servers = server.address()}};
};

TEST_F(ResolverTest, finds_addresses_of_both_families) {
  server.set("both.test", {"192.0.2.1", "192.0.2.2", "2001:db8::1"});
  Asker asker(steady, "both.test");
  EXPECT_THAT(asker.now(), IsEmpty());
  until_told(asker);
  EXPECT_THAT(asker.found.at(0), UnorderedElementsAre("192.0.2.1", "192.0.2.2", "2001:db8::1"));
  EXPECT_EQ(asker.now(), asker.found.at(0));
  EXPECT_THAT(seen.changes, ElementsAre(NameChange::found));
}

TEST_F(ResolverTest, one_family_is_enough) {
  server.set("four.test", {"192.0.2.1"});
  server.set("six.test", {"2001:db8::1"});
  Asker four(steady, "four.test");
  Asker six(steady, "six.test");
  (void)four.look();
  (void)six.look();
  until_told(four);
  until_told(six);
  EXPECT_THAT(four.now(), ElementsAre("192.0.2.1"));
  EXPECT_THAT(six.now(), ElementsAre("2001:db8::1"));
}

TEST_F(ResolverTest, hosts_file_comes_first_and_still_completes_later) {
  Asker asker(steady, "localhost");
  EXPECT_THAT(asker.now(), IsEmpty());
  EXPECT_EQ(asker.events(), 0U);
  until_told(asker);
  EXPECT_FALSE(asker.found.empty());
  EXPECT_TRUE(asker.look()->front().is_loopback());
  EXPECT_EQ(server.questions(), 0U);
}

TEST_F(ResolverTest, nothing_is_asked_before_somebody_looks) {
  Asker asker(steady, "a.test");
  reactor.turn(Millis{0});
  EXPECT_EQ(steady.names(), 1U);
  EXPECT_EQ(server.questions(), 0U);
}

TEST_F(ResolverTest, watchers_of_a_name_share_one_lookup) {
  server.set("a.test", {"192.0.2.1"});
  Asker one(steady, "a.test");
  Asker two(steady, "a.test");
  (void)one.look();
  (void)two.look();
  (void)two.look();
  until_told(one);
  EXPECT_EQ(two.events(), 1U);
  Asker late(steady, "a.test");
  EXPECT_THAT(late.now(), ElementsAre("192.0.2.1"));
  EXPECT_EQ(seen.lookups, 1U);
  EXPECT_EQ(server.questions(), 2U);  // A and AAAA
}

TEST_F(ResolverTest, answer_whose_time_is_over_is_asked_for_again_without_being_wanted) {
  server.set("a.test", {"192.0.2.1"}, 0);
  Asker asker(quick, "a.test");
  (void)asker.look();
  until_told(asker);
  until([&] { return seen.lookups >= 3; }, "further lookups");
  EXPECT_EQ(asker.events(), 1U) << "the same addresses are no news";
  server.set("a.test", {"192.0.2.7"}, 0);
  until_told(asker, 2);
  EXPECT_THAT(asker.found.at(1), ElementsAre("192.0.2.7"));
  EXPECT_THAT(seen.changes, ElementsAre(NameChange::found, NameChange::changed));
}

TEST_F(ResolverTest, last_addresses_stay_in_use_while_a_lookup_is_under_way_and_when_it_fails) {
  server.set("a.test", {"192.0.2.1"}, 0);
  Asker asker(quick, "a.test");
  (void)asker.look();
  until_told(asker);
  for (const Mood mood : {Mood::fails, Mood::answers}) {  // SERVFAIL, then NXDOMAIN
    server.remove("a.test");
    server.mood(mood);
    const std::size_t before = seen.lookups;
    until([&] { return seen.lookups >= before + 3; }, "failed lookups");
    EXPECT_THAT(asker.now(), ElementsAre("192.0.2.1"));
  }
  EXPECT_THAT(seen.changes, ElementsAre(NameChange::found, NameChange::kept));
  server.set("a.test", {"192.0.2.2"}, 60);
  until_told(asker, 2);
  EXPECT_THAT(asker.now(), ElementsAre("192.0.2.2"));
  EXPECT_THAT(asker.errors, IsEmpty());
  EXPECT_EQ(seen.changes.back(), NameChange::recovered);
}

TEST_F(ResolverTest, name_that_does_not_exist_is_an_error_that_is_kept_for_a_while) {
  Asker asker(steady, "none.test");
  (void)asker.look();
  until_told(asker);
  EXPECT_THAT(asker.errors, ElementsAre("Domain name not found"));
  const std::size_t asked = server.questions();
  EXPECT_THAT(asker.now(), ElementsAre("Domain name not found"));
  reactor.turn(Millis{0});
  server.serve();
  EXPECT_EQ(server.questions(), asked);
}

TEST_F(ResolverTest, name_that_comes_into_being_is_found_by_the_next_who_wants_it) {
  Asker asker(quick, "new.test");
  (void)asker.look();
  until_told(asker);
  server.set("new.test", {"192.0.2.1"});
  until([&] { return asker.look().has_value() && !asker.found.empty(); }, "the name");
  EXPECT_THAT(asker.now(), ElementsAre("192.0.2.1"));
  EXPECT_THAT(seen.changes, ElementsAre(NameChange::unknown, NameChange::found));
}

TEST_F(ResolverTest, name_that_nobody_wants_any_more_is_not_asked_for_again) {
  Asker asker(quick, "none.test");
  (void)asker.look();
  until_told(asker);
  const std::size_t asked = server.questions();
  const auto later = reactor.now() + Millis(100);
  until([&] { return reactor.now() > later; }, "several retry times");
  EXPECT_EQ(server.questions(), asked);
}

TEST_F(ResolverTest, truncated_answer_is_asked_for_over_tcp) {
  std::vector<std::string> many;
  for (int i = 1; i <= 40; ++i) many.push_back("2001:db8::" + std::to_string(i));
  server.set("many.test", many);
  server.mood(Mood::truncates);
  Asker asker(steady, "many.test");
  (void)asker.look();
  until_told(asker);
  EXPECT_EQ(asker.now().size(), many.size());
  EXPECT_EQ(server.tcp_questions(), 2U);
}

TEST_F(ResolverTest, question_that_gets_lost_is_asked_again) {
  server.set("a.test", {"192.0.2.1"});
  server.mood(Mood::silent);
  Asker asker(steady, "a.test");
  (void)asker.look();
  until([&] { return server.questions() == 2; }, "both questions");
  server.mood(Mood::answers);
  until_told(asker);
  EXPECT_THAT(asker.now(), ElementsAre("192.0.2.1"));
}

TEST_F(ResolverTest, unreachable_name_server_is_an_error) {
  Resolver dead(reactor, seen, {.rules = {}, .servers = "127.0.0.1:1"});
  Asker asker(dead, "a.test");
  (void)asker.look();
  until_told(asker);
  EXPECT_EQ(asker.errors.size(), 1U);
}

TEST_F(ResolverTest, dropping_the_last_watch_cancels_the_lookup) {
  server.mood(Mood::silent);
  const std::size_t files = open_files();
  std::optional<Asker> one(std::in_place, steady, "a.test");
  std::optional<Asker> two(std::in_place, steady, "a.test");
  (void)one->look();
  until([&] { return server.questions() == 2; }, "both questions");
  EXPECT_GT(open_files(), files);
  one.reset();
  EXPECT_EQ(steady.names(), 1U);
  two.reset();
  EXPECT_EQ(steady.names(), 0U);
  EXPECT_EQ(open_files(), files);
  reactor.turn(Millis{0});
  EXPECT_EQ(seen.lookups, 0U);
}

TEST_F(ResolverTest, lookup_that_was_answered_by_a_file_can_be_dropped_before_it_is_told) {
  std::optional<Asker> asker(std::in_place, steady, "localhost");
  (void)asker->look();
  asker.reset();
  reactor.turn(Millis{0});
  EXPECT_EQ(seen.lookups, 0U);
}

TEST_F(ResolverTest, watches_may_end_and_begin_while_they_are_told) {
  server.set("a.test", {"192.0.2.1"});
  std::optional<Asker> first(std::in_place, steady, "a.test");
  std::optional<Asker> second(std::in_place, steady, "a.test");
  std::optional<Asker> other;
  first->then = [&] {
    other.emplace(steady, "a.test");
    second.reset();
    first->watch.reset();
  };
  (void)first->look();
  until_told(*first);
  EXPECT_THAT(other->now(), ElementsAre("192.0.2.1"));
  EXPECT_EQ(other->events(), 0U);
  other.reset();
  EXPECT_EQ(steady.names(), 0U);
}

TEST_F(ResolverTest, last_watch_may_end_while_it_is_told) {
  Asker asker(steady, "none.test");
  asker.then = [&] { asker.watch.reset(); };
  (void)asker.look();
  until_told(asker);
  EXPECT_EQ(steady.names(), 0U);
  reactor.turn(Millis{0});
}

}  // namespace
}  // namespace aralez
