#include "filter/auth/credential_cache.h"

#include <cstring>

namespace aralez {

CredentialCache::Entry* CredentialCache::places(const Sha256& digest) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, digest.data(), sizeof word);
  return entries_.get() + word % (kEntries / kWays) * kWays;
}

bool CredentialCache::knows(const Sha256& digest, std::int64_t now) noexcept {
  if (!entries_) return false;
  Entry* const first = places(digest);
  for (Entry* e = first; e != first + kWays; ++e) {
    if (e->until <= now || e->digest != digest) continue;
    e->used = now;
    return true;
  }
  return false;
}

void CredentialCache::add(const Sha256& digest, std::int64_t until, std::int64_t now) {
  if (!entries_) entries_ = std::make_unique<Entry[]>(kEntries);
  Entry* const first = places(digest);
  const auto rank = [&](const Entry& e) {
    if (e.digest == digest) return INT64_MIN;
    return e.until <= now ? INT64_MIN + 1 : e.used;
  };
  Entry* place = first;
  for (Entry* e = first + 1; e != first + kWays; ++e)
    if (rank(*e) < rank(*place)) place = e;
  *place = {.digest = digest, .until = until, .used = now};
}

}  // namespace aralez
