#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "filter/auth/url.h"
#include "filter/subrequest.h"

namespace aralez {

/// The authorization servers of a process, each once for as long as a route asks it, so that all
/// routes and all generations of the configuration share its connections. Certificates are verified
/// with the system's CAs, or those of a file, as it is when the configuration is built. Any thread.
class ForwardServers {
 public:
  explicit ForwardServers(std::string ca_file) : ca_file_(std::move(ca_file)) {}

  [[nodiscard]] std::shared_ptr<const OutsideServer> of(const HttpUrl& url);

 private:
  void read_trust();

  std::string ca_file_;
  std::mutex mutex_;
  std::shared_ptr<const ClientContext> tls_;  ///< made when the first https URL comes
  std::unordered_map<std::string, std::weak_ptr<const OutsideServer>> known_;
};

}  // namespace aralez
