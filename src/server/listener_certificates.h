#pragma once

#include <optional>
#include <vector>

#include "control/schema/main_config.h"
#include "control/watch/watch_spec.h"
#include "server/door.h"
#include "tls/certificate_store.h"

namespace aralez {

/// A pair that cannot be used is an error to -t; a start goes on without it.
enum class BadPairs : bool { warn, refuse };
/// The certificate folder. Returns how many pairs can be used.
std::size_t check_certificates(const std::string& folder, BadPairs bad, Diagnostics& diagnostics);
/// For -t: everything that a start would serve.
void check_certificates(const MainConfig& main, Diagnostics& diagnostics);

/// The certificates of the listeners that speak TLS, over time. As CertificateStore.
class ListenerCertificates {
 public:
  ListenerCertificates(const MainConfig& main, Logger& logger);

  /// Whether a listener needs any.
  [[nodiscard]] bool needed() const noexcept { return proxy_ || api_; }
  [[nodiscard]] WatchSpec watched() const;
  /// So that where they have to be is easier to see. Whether there was none.
  [[nodiscard]] bool make_folder() const;
  /// Nullopt when OpenSSL fails altogether.
  [[nodiscard]] std::optional<Certificates> load_first(std::time_t now);
  /// The same later. Null members stay as they were.
  [[nodiscard]] Certificates load(std::time_t now);
  /// Any thread.
  [[nodiscard]] std::vector<ServedCertificate> served() const;

 private:
  const MainConfig& main_;
  std::optional<CertificateStore> proxy_;
  std::optional<CertificateStore> api_;
  Certificates last_;
};

}  // namespace aralez
