#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

namespace aralez {

/// Names that somebody works on. One more may wait for each; others are refused, so that callers
/// who repeat themselves do not fill the threads that all share. Any thread.
class BusyNames {
 public:
  /// Holds a name, or does not: read held().
  class Hold {
   public:
    Hold(BusyNames& names, const std::string& name, const std::stop_token& stop);
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();
    [[nodiscard]] bool held() const noexcept { return held_; }

   private:
    BusyNames& names_;
    const std::string& name_;
    bool held_ = false;
  };

 private:
  struct State {
    bool held = false;
    bool waited_for = false;
  };
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, State> states_;
};

}  // namespace aralez
