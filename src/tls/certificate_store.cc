#include "tls/certificate_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "tls/self_signed.h"

namespace aralez {
namespace {

constexpr std::string_view kTarget = "aralez::tls";

}  // namespace

CertificateStore::CertificateStore(std::string folder, const ServerPolicy& policy, Logger& logger)
    : read_([folder](std::time_t now) { return load_certificate_folder(folder, now); }),
      none_(fmt::format("no usable certificate in {}: a self-signed one made in memory is served, "
                        "which no client trusts; write NAME.crt and NAME.key there",
                        folder)),
      policy_(policy),
      logger_(logger) {}

CertificateStore::CertificateStore(CertificateFiles files, const ServerPolicy& policy,
                                   Logger& logger)
    : read_([files](std::time_t now) { return load_certificate_files(files, now); }),
      none_(fmt::format("{} and {} are no usable pair: a self-signed certificate made in memory "
                        "is served, which no client trusts",
                        files.chain, files.key)),
      self_signed_name_(files.chain),
      policy_(policy),
      logger_(logger) {}

std::shared_ptr<const ServerContexts> CertificateStore::load(std::time_t now) {
  LoadedCertificates loaded = read_(now);
  if (loaded.listed) served_ = with_kept(loaded);
  std::vector<CertificateFinding> findings = std::move(loaded.findings);
  auto contexts = ServerContexts::make(served_, policy_, now, findings);
  report(findings);
  if (contexts) {
    show(served_);
    logger_.write(
        LogLevel::info, kTarget,
        fmt::format("{} certificates for {} names are served", served_.size(), contexts->names()));
    return contexts;
  }
  if (!self_signed_) self_signed_ = make_self_signed(now);
  if (!self_signed_) return nullptr;
  logger_.write(LogLevel::warn, kTarget, none_);
  std::vector<CertificateFinding> unexpected;
  contexts = ServerContexts::make({self_signed_}, policy_, now, unexpected);
  if (contexts) show({self_signed_});
  report(unexpected);
  return contexts;
}

void CertificateStore::show(const std::vector<CertificatePairPtr>& pairs) {
  std::vector<ServedCertificate> shown;
  for (const auto& p : pairs)
    shown.push_back({.name = p == self_signed_ ? self_signed_name_ : p->name,
                     .hosts = names_of(p->leaf()),
                     .expires = expiry_of(p->leaf())});
  const std::lock_guard lock(mutex_);
  shown_ = std::move(shown);
}

std::vector<ServedCertificate> CertificateStore::served() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

/// In the order of the names, which makes the default one.
std::vector<CertificatePairPtr> CertificateStore::with_kept(LoadedCertificates& loaded) {
  std::vector<CertificatePairPtr> out = std::move(loaded.pairs);
  for (const std::string& name : loaded.broken) {
    const auto before = std::ranges::find(served_, name, &CertificatePair::name);
    if (before == served_.end()) continue;
    out.push_back(*before);
    loaded.findings.push_back({Severity::warning, (*before)->chain_file,
                               "the certificate that was read before stays in use"});
  }
  std::ranges::sort(out, {}, &CertificatePair::name);
  return out;
}

void CertificateStore::report(const std::vector<CertificateFinding>& findings) {
  for (const CertificateFinding& f : findings)
    logger_.write(f.severity == Severity::error ? LogLevel::error : LogLevel::warn, kTarget,
                  fmt::format("{}: {}", f.file, f.what));
}

}  // namespace aralez
