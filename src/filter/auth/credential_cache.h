#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tls/digest.h"

namespace aralez {

/// Credentials that were found good, by a digest that nobody outside can make: it begins with a key
/// of this process (AuthShared), so where an entry lies and how long a look takes tells nothing.
/// Belongs to one worker. Room for kEntries, taken when the first one comes; of those that compete
/// for a place the one longest unused goes.
class CredentialCache {
 public:
  static constexpr std::size_t kEntries = 32 * 1024;

  /// Whether it was added and `now` is before its end. Times are seconds since 1970.
  [[nodiscard]] bool knows(const Sha256& digest, std::int64_t now) noexcept;
  void add(const Sha256& digest, std::int64_t until, std::int64_t now);

 private:
  static constexpr std::size_t kWays = 8;  ///< places that an entry may have
  struct Entry {
    Sha256 digest{};
    std::int64_t until = 0;  ///< 0: empty
    std::int64_t used = 0;
  };
  [[nodiscard]] Entry* places(const Sha256& digest) noexcept;

  std::unique_ptr<Entry[]> entries_;
};

}  // namespace aralez
