#include "filter/sticky/book.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/socket_address.h"
#include "tls/digest.h"
#include "tls/random.h"

namespace aralez {
namespace {

/// Keeps the cookies apart from whatever else is made with the master key.
constexpr std::string_view kPurpose = "aralez sticky session 1";

/// One spelling for each endpoint, so that all nodes agree.
std::string name_of(std::string_view host, std::uint16_t port) {
  const auto address = SocketAddress::from_ip(host, port);
  return address ? address->to_string() : fmt::format("{}:{}", host, port);
}

std::string id_of(std::string_view key, std::string_view endpoint) {
  const auto mac = hmac_sha256(key, endpoint);
  std::string out;
  for (std::size_t i = 0; i < StickyEndpoint::kIdSize / 2; ++i)
    out += fmt::format("{:02x}", std::to_integer<unsigned>(mac[i]));
  return out;
}

}  // namespace

StickyEndpoint::StickyEndpoint(std::string_view id, std::chrono::seconds max_age)
    : text_(fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", kName, id,
                        max_age.count(), kSecure)) {}

StickyBook::StickyBook(std::string_view master_key)
    : key_(master_key.empty() ? std::string(as_text(random_secret()))
                              : std::string(as_text(hmac_sha256(master_key, kPurpose)))) {}

std::shared_ptr<const StickyEndpoint> StickyBook::of(std::string_view host, std::uint16_t port,
                                                     std::chrono::seconds max_age) {
  const std::string endpoint = name_of(host, port);
  const std::lock_guard lock(mutex_);
  if (known_.size() >= forget_at_) forget_unused();
  auto& known = known_[fmt::format("{}|{}", endpoint, max_age.count())];
  if (auto there = known.lock()) return there;
  auto made = std::make_shared<const StickyEndpoint>(id_of(key_, endpoint), max_age);
  known = made;
  return made;
}

std::size_t StickyBook::size() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

void StickyBook::forget_unused() {
  std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  forget_at_ = std::max<std::size_t>(64, 2 * known_.size());
}

}  // namespace aralez
