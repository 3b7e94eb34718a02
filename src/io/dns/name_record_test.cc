#include "io/dns/name_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aralez {
namespace {

using State = NameRecord::State;
using ::testing::ElementsAre;

constexpr Error kNotFound{Errc::unresolved, Origin::upstream, "not found"};
constexpr NameRules kRules{.min_ttl = Millis(1000),
                           .max_ttl = Millis(60'000),
                           .first_retry = Millis(1000),
                           .max_retry = Millis(5000)};

SocketAddress ip(const char* text) {
  return *SocketAddress::from_ip(text, 0);
}

class NameRecordTest : public ::testing::Test {
 protected:
  NameChange answer(std::vector<SocketAddress> addresses, Millis ttl = Millis(10'000)) {
    return record.answered({std::move(addresses), ttl}, now);
  }
  NameChange fail() { return record.failed(kNotFound, now); }
  [[nodiscard]] Millis until_due() const {
    return std::chrono::duration_cast<Millis>(record.due() - now);
  }

  TimePoint now{std::chrono::hours(1)};
  NameRecord record{kRules};
};

TEST_F(NameRecordTest, first_answer_is_found_and_due_after_its_time) {
  EXPECT_EQ(record.state(), State::unasked);
  EXPECT_EQ(answer({ip("10.0.0.1"), ip("::1")}), NameChange::found);
  EXPECT_EQ(record.state(), State::good);
  EXPECT_THAT(record.addresses(), ElementsAre(ip("10.0.0.1"), ip("::1")));
  EXPECT_EQ(until_due(), Millis(10'000));
}

TEST_F(NameRecordTest, holds_the_time_to_live_within_bounds) {
  (void)answer({ip("10.0.0.1")}, Millis(0));
  EXPECT_EQ(until_due(), kRules.min_ttl);
  (void)answer({ip("10.0.0.1")}, std::chrono::hours(24 * 365 * 60));
  EXPECT_EQ(until_due(), kRules.max_ttl);
}

TEST_F(NameRecordTest, a_failure_never_loses_addresses) {
  (void)answer({ip("10.0.0.1"), ip("10.0.0.2")});
  now += std::chrono::seconds(10);
  EXPECT_EQ(fail(), NameChange::kept);
  for (int i = 0; i < 1000; ++i) {
    now = record.due();
    EXPECT_EQ(fail(), NameChange::none);
  }
  EXPECT_EQ(record.state(), State::stale);
  EXPECT_EQ(record.error().what, "not found");
  EXPECT_THAT(record.addresses(), ElementsAre(ip("10.0.0.1"), ip("10.0.0.2")));
}

TEST_F(NameRecordTest, recovery_is_told_once) {
  (void)answer({ip("10.0.0.1")});
  (void)fail();
  EXPECT_EQ(answer({ip("10.0.0.1")}), NameChange::recovered);
  EXPECT_EQ(answer({ip("10.0.0.1")}), NameChange::none);
}

TEST_F(NameRecordTest, recovery_with_other_addresses_takes_them) {
  (void)answer({ip("10.0.0.1")});
  (void)fail();
  EXPECT_EQ(answer({ip("10.0.0.9")}), NameChange::recovered);
  EXPECT_THAT(record.addresses(), ElementsAre(ip("10.0.0.9")));
}

TEST_F(NameRecordTest, retries_back_off_to_a_bound_and_start_anew_after_an_answer) {
  std::vector<int> waits;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(fail(), i == 0 ? NameChange::unknown : NameChange::none);
    waits.push_back(static_cast<int>(until_due().count()));
  }
  EXPECT_THAT(waits, ElementsAre(1000, 2000, 4000, 5000, 5000));
  EXPECT_EQ(record.state(), State::failed);
  EXPECT_EQ(answer({ip("10.0.0.1")}), NameChange::found);
  (void)fail();
  EXPECT_EQ(until_due(), Millis(1000));
}

TEST_F(NameRecordTest, another_order_is_no_change_and_another_set_is) {
  (void)answer({ip("10.0.0.1"), ip("10.0.0.2")});
  EXPECT_EQ(answer({ip("10.0.0.2"), ip("10.0.0.1")}), NameChange::none);
  EXPECT_EQ(answer({ip("10.0.0.2")}), NameChange::changed);
  EXPECT_EQ(answer({ip("10.0.0.3")}), NameChange::changed);
  EXPECT_EQ(answer({ip("10.0.0.3"), ip("::1")}), NameChange::changed);
}

}  // namespace
}  // namespace aralez
