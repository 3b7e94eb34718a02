#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "filter/auth/secret_set.h"

namespace aralez {

/// The users of a `basic` block. Immutable once filled; any thread.
class Accounts {
 public:
  /// `key`: AuthShared::key().
  explicit Accounts(std::string_view key) : key_(key), plain_(key) {}
  /// `user:password` or `user:hash`, checked before (config.h).
  void add(std::string_view entry);

  /// Whether `credentials`, a text `user:password`, is one of those in the clear.
  [[nodiscard]] bool has_plain(std::string_view credentials) const {
    return plain_.contains(credentials);
  }
  [[nodiscard]] bool has_hashes() const noexcept { return !hashes_.empty(); }
  /// Whether the password fits one of the user's hashes. Slow (password_hash.h). An unknown user
  /// costs what some known one costs, always the same one for the same name (threats row 25).
  [[nodiscard]] bool fits_hashed(std::string_view user, const std::string& password) const;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Tells lists apart: what was good for one is not for another.
  [[nodiscard]] std::string_view id() const noexcept { return as_text(id_); }

 private:
  using Hashes = std::map<std::string, std::vector<std::string>, std::less<>>;
  [[nodiscard]] const std::vector<std::string>& someones(std::string_view user) const;

  std::string key_;
  SecretSet plain_;
  Hashes hashes_;  ///< by user
  std::size_t size_ = 0;
  Sha256 id_{};
};

}  // namespace aralez
