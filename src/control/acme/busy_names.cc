#include "control/acme/busy_names.h"

namespace aralez {

BusyNames::Hold::Hold(BusyNames& names, const std::string& name, const std::stop_token& stop)
    : names_(names), name_(name) {
  std::unique_lock lock(names_.mutex_);
  State& state = names_.states_[name_];
  if (state.held) {
    if (state.waited_for) return;
    state.waited_for = true;
    const bool free = names_.changed_.wait(lock, stop, [&state] { return !state.held; });
    state.waited_for = false;
    if (!free) return;
  }
  state.held = held_ = true;
}

BusyNames::Hold::~Hold() {
  if (!held_) return;
  const std::lock_guard lock(names_.mutex_);
  const auto at = names_.states_.find(name_);
  at->second.held = false;
  if (!at->second.waited_for) names_.states_.erase(at);
  names_.changed_.notify_all();
}

}  // namespace aralez
