#include "filter/auth/forward/servers.h"

#include <fmt/format.h>

namespace aralez {

std::shared_ptr<const OutsideServer> ForwardServers::of(const HttpUrl& url) {
  const std::lock_guard lock(mutex_);
  if (url.tls) read_trust();
  const std::string key = fmt::format(
      "{} {} {}", url.tls && tls_ ? tls_->identity() : std::string(), url.host, url.port);
  if (auto there = known_[key].lock()) return there;
  std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  auto made = std::make_shared<const OutsideServer>(
      OutsideServer{.host = url.host, .port = url.port, .tls = url.tls ? tls_ : nullptr});
  known_[key] = made;
  return made;
}

void ForwardServers::read_trust() {
  if (tls_ && tls_->up_to_date()) return;
  if (auto now = ClientContext::make({.verify = true, .ca_file = ca_file_})) tls_ = std::move(now);
}

}  // namespace aralez
