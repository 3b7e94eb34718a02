#pragma once

#include <chrono>

namespace aralez {

/// Time comes in as an argument everywhere below server/: the reactor reads the clock once per loop
/// turn.
using TimePoint = std::chrono::steady_clock::time_point;
using Millis = std::chrono::milliseconds;

}  // namespace aralez
