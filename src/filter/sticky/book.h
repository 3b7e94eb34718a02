#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace aralez {

/// What is said to clients of one endpoint.
class StickyEndpoint {
 public:
  static constexpr std::string_view kName = "backend_id";
  static constexpr std::size_t kIdSize = 50;  ///< lower-case hex digits

  StickyEndpoint(std::string_view id, std::chrono::seconds max_age);

  [[nodiscard]] std::string_view id() const noexcept { return all().substr(kIdAt, kIdSize); }
  /// The value of Set-Cookie.
  [[nodiscard]] std::string_view set_cookie(bool tls) const noexcept {
    return tls ? all() : all().substr(0, text_.size() - kSecure.size());
  }

 private:
  static constexpr std::size_t kIdAt = kName.size() + 1;
  static constexpr std::string_view kSecure = "; Secure";
  [[nodiscard]] std::string_view all() const noexcept { return text_; }
  std::string text_;
};

/// Makes the cookies of this process, each once for as long as anybody uses it. The same
/// `master_key` gives the same cookies, here after a restart and on every other node; an empty one
/// gives cookies of this process alone. Any thread.
class StickyBook {
 public:
  explicit StickyBook(std::string_view master_key);

  [[nodiscard]] std::shared_ptr<const StickyEndpoint> of(std::string_view host, std::uint16_t port,
                                                         std::chrono::seconds max_age);
  [[nodiscard]] std::size_t size() const;

 private:
  void forget_unused();

  std::string key_;  ///< secret
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<const StickyEndpoint>> known_;
  std::size_t forget_at_ = 64;
};

}  // namespace aralez
