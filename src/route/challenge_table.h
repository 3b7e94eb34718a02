#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace aralez {

/// What a certificate authority is to find below /.well-known/acme-challenge/ while certificates
/// are being ordered (RFC 8555 section 8.3). Any thread; a worker asks for requests to that folder
/// alone.
class ChallengeTable {
 public:
  static constexpr std::string_view kFolder = "/.well-known/acme-challenge/";

  /// A challenge that is met as long as this lives. Outlived by the table.
  class Met {
   public:
    Met(ChallengeTable& table, std::string token, std::string answer);
    Met(const Met&) = delete;
    Met& operator=(const Met&) = delete;
    ~Met();

   private:
    ChallengeTable& table_;
    const std::string token_;
  };

  /// What to answer to whoever asks for `token`.
  [[nodiscard]] std::optional<std::string> answer(std::string_view token) const;
  /// Whether `target`, as the client sent it, is that of a challenge that is met now. Spelled in
  /// any other way it is not: nothing but these may pass what protects a route.
  [[nodiscard]] bool is_met(std::string_view target) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> answers_;  ///< by token; guarded by mutex_
  std::atomic<std::size_t> size_{0};                         ///< of it
};

}  // namespace aralez
