#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "base/log.h"
#include "jwt/key_source.h"

namespace aralez {

/// Where the keys of a route come from.
struct KeyPlace {
  enum class Kind : std::uint8_t {
    secret,  ///< `text` is the secret of HS256; empty: no key, every token is refused
    keys,    ///< `text` is PEM or a JSON Web Key Set
    file,    ///< `text` is the path of such
    url      ///< `text` is the https URL of a JSON Web Key Set
  };
  Kind kind = Kind::secret;
  std::string text;
  std::string ca_file;  ///< of url: whom to trust; empty: the system's

  auto operator<=>(const KeyPlace&) const = default;
};

/// The keys of all routes. Those of files and URLs are looked after by a thread: read again when
/// they change or, a URL, every few minutes and soon after a token named an unknown key. When that
/// fails the last good keys stay. One place is one source, for as long as a route has it.
class KeyStore {
 public:
  explicit KeyStore(Logger& logger) : logger_(logger) {}
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;
  ~KeyStore();

  /// From now on files are followed and URLs fetched.
  void start();
  /// A new URL is waited for, but not long: without its keys a route answers 503.
  [[nodiscard]] std::shared_ptr<KeySource> source(const KeyPlace& place);

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::weak_ptr<KeySource> source;
    std::string text;  ///< that the keys were made of
    Clock::time_point due{};
    Clock::time_point last_try{};
    int tries = 0;
    int failures = 0;  ///< in a row
  };
  using Entries = std::map<KeyPlace, Entry>;

  void forget_unused();
  void run(const std::stop_token& stop);
  /// A place whose turn it is, or the end.
  [[nodiscard]] Entries::iterator next_due(Clock::time_point now);
  /// The lock is let go meanwhile.
  void refresh(std::unique_lock<std::mutex>& lock, Entries::iterator at,
               const std::stop_token& stop);
  void take(const KeyPlace& place, Entry& entry, std::expected<std::string, std::string> text);

  Logger& logger_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Entries entries_;
  const KeyPlace* busy_ = nullptr;  ///< stays in `entries_` meanwhile
  bool started_ = false;
  Clock::time_point impatient_until_{};  ///< nobody waits for a URL before
  std::jthread thread_;
};

}  // namespace aralez
