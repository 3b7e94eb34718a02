#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "tls/server_contexts.h"

namespace aralez {

/// A certificate that is served, for people and for metrics.
struct ServedCertificate {
  std::string name;  ///< of its files; empty: the self-signed one in place of a folder's
  std::vector<std::string> hosts;
  std::time_t expires = 0;
};

/// A certificate folder, or a single pair, over time. Blocking: for the control plane, one thread
/// at a time, but for served().
class CertificateStore {
 public:
  CertificateStore(std::string folder, const ServerPolicy& policy, Logger& logger);
  CertificateStore(CertificateFiles files, const ServerPolicy& policy, Logger& logger);

  /// Reads it anew, says what is wrong with it, and makes what to serve of the rest:
  /// - a pair that cannot be used leaves the one of that name in place which could, before;
  /// - a chain file that is gone takes its pair with it;
  /// - without any pair, a certificate made here is served, always the same one.
  /// Null when OpenSSL fails altogether; what is served stays.
  [[nodiscard]] std::shared_ptr<const ServerContexts> load(std::time_t now);

  /// What the last load() that worked made. Any thread.
  [[nodiscard]] std::vector<ServedCertificate> served() const;

 private:
  void show(const std::vector<CertificatePairPtr>& pairs);
  [[nodiscard]] std::vector<CertificatePairPtr> with_kept(LoadedCertificates& loaded);
  void report(const std::vector<CertificateFinding>& findings);

  const std::function<LoadedCertificates(std::time_t)> read_;
  const std::string none_;  ///< what is said when no pair is usable
  const std::string self_signed_name_;
  const ServerPolicy policy_;
  Logger& logger_;
  std::vector<CertificatePairPtr> served_;  ///< as read, by name
  CertificatePairPtr self_signed_;
  mutable std::mutex mutex_;
  std::vector<ServedCertificate> shown_;  ///< guarded by mutex_
};

}  // namespace aralez
