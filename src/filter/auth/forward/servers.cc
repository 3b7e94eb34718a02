#include "filter/auth/forward/servers.h"

#include <fmt/format.h>

namespace aralez {

std::shared_ptr<const OutsideServer> ForwardServers::of(const HttpUrl& url) {
  const std::lock_guard lock(mutex_);
  const std::string key = fmt::format("{} {} {}", url.tls, url.host, url.port);
  if (auto there = known_[key].lock()) return there;
  std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  if (url.tls && !tls_) tls_ = ClientContext::make({.verify = true, .ca_file = ca_file_});
  auto made = std::make_shared<const OutsideServer>(
      OutsideServer{.host = url.host, .port = url.port, .tls = url.tls ? tls_ : nullptr});
  known_[key] = made;
  return made;
}

}  // namespace aralez
