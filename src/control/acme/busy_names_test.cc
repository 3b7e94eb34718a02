#include "control/acme/busy_names.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace aralez {
namespace {

TEST(BusyNames, are_held_by_one_waited_for_by_one_and_refused_to_others) {
  BusyNames names;
  const std::string name = "a.test";
  const std::stop_source stop;
  std::optional<BusyNames::Hold> first(std::in_place, names, name, stop.get_token());
  EXPECT_TRUE(first->held());
  EXPECT_TRUE(BusyNames::Hold(names, "b.test", stop.get_token()).held());
  std::atomic<int> held{0};
  std::atomic<int> refused{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      const BusyNames::Hold hold(names, name, stop.get_token());
      ++(hold.held() ? held : refused);
    });
  while (refused < 2) std::this_thread::yield();
  EXPECT_EQ(held, 0);
  first.reset();
  threads.clear();
  EXPECT_EQ(held, 1);
  EXPECT_EQ(refused, 2);
}

TEST(BusyNames, are_not_waited_for_when_it_is_time_to_stop) {
  BusyNames names;
  const std::string name = "a.test";
  std::stop_source stop;
  const BusyNames::Hold first(names, name, stop.get_token());
  std::jthread waits([&] { EXPECT_FALSE(BusyNames::Hold(names, name, stop.get_token()).held()); });
  stop.request_stop();
}

}  // namespace
}  // namespace aralez
