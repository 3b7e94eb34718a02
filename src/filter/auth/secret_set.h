#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <unordered_set>

#include "tls/digest.h"

namespace aralez {

/// Secrets any one of which lets in. They are compared by digests under a key that nobody outside
/// knows: what a look costs depends on the length of the guess alone (threats row 25).
class SecretSet {
 public:
  explicit SecretSet(std::string_view key) : key_(key) {}

  void add(std::string_view secret) { digests_.insert(sha256({key_, secret})); }
  [[nodiscard]] bool contains(std::string_view guess) const {
    return digests_.contains(sha256({key_, guess}));
  }
  [[nodiscard]] std::size_t size() const noexcept { return digests_.size(); }

 private:
  struct FirstBytes {
    std::size_t operator()(const Sha256& digest) const noexcept {
      std::size_t word = 0;
      std::memcpy(&word, digest.data(), sizeof word);
      return word;
    }
  };
  std::string key_;
  std::unordered_set<Sha256, FirstBytes> digests_;
};

}  // namespace aralez
