#include "control/discovery/discovery.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class Silent final : public ServiceRegistry {
 public:
  void follow(const std::vector<ServiceKey>&, ServiceListener&,
              const std::stop_token& stop) override {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait(lock, stop, [] { return false; });
  }
};

TEST(Discovery, is_not_waited_for_when_the_process_ends) {
  NullLogger logger;
  Discovery discovery({.services = {{"web", ""}}}, std::make_unique<Silent>(), {}, logger,
                      [](const Discovery&) {});
  std::stop_source stop;
  std::jthread later([&] { stop.request_stop(); });
  discovery.wait_first(Clock::now() + 10min, stop.get_token());
  EXPECT_FALSE(knows_any(discovery.services()));
}

}  // namespace
}  // namespace aralez
