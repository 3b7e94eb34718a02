#include "server/listener_certificates.h"

#include <ctime>
#include <filesystem>

namespace aralez {
namespace {

ServerPolicy policy_of(const MainConfig& main) {
  return {.grade = main.proxy_tls_grade, .alpn = AlpnOffer::http2};
}

/// Absolute, so that it is told from every name in a folder.
CertificateFiles api_files(const MainConfig& main) {
  const auto absolute = [](const std::string& path) {
    std::error_code ec;
    const auto out = std::filesystem::absolute(path, ec);
    return ec ? path : out.string();
  };
  return {.chain = absolute(main.config_tls_certificate.path),
          .key = absolute(main.config_tls_key_file.path)};
}

void say(Diagnostics& diagnostics, const CertificateFinding& found, BadPairs bad, const Source& at,
         std::string_view key, std::string what) {
  if (found.severity == Severity::error && bad == BadPairs::refuse)
    diagnostics.error(at, key, std::move(what));
  else
    diagnostics.warning(at, key, std::move(what));
}

void check_api_pair(const MainConfig& main, Diagnostics& diagnostics) {
  if (!main.config_tls_address) return;
  const CertificateFiles files{.chain = main.config_tls_certificate.path,
                               .key = main.config_tls_key_file.path};
  for (const CertificateFinding& f : check_certificate_files(files, std::time(nullptr)).findings) {
    const bool of_key = f.file == files.key;
    say(diagnostics, f, BadPairs::refuse,
        (of_key ? main.config_tls_key_file : main.config_tls_certificate).source,
        of_key ? "config_tls_key_file" : "config_tls_certificate", f.file + ": " + f.what);
  }
}

}  // namespace

std::size_t check_certificates(const std::string& folder, BadPairs bad, Diagnostics& diagnostics) {
  if (folder.empty()) return 0;
  const auto report = check_certificate_folder(folder, std::time(nullptr));
  for (const CertificateFinding& f : report.findings)
    say(diagnostics, f, bad, {std::make_shared<const std::string>(f.file)}, "", f.what);
  return report.usable;
}

void check_certificates(const MainConfig& main, Diagnostics& diagnostics) {
  const std::string folder = main.certificate_folder();
  if (check_certificates(folder, BadPairs::refuse, diagnostics) == 0 && main.proxy_address_tls)
    diagnostics.warning(
        {std::make_shared<const std::string>(folder)}, "",
        "no usable certificate, but proxy_address_tls needs one; write NAME.crt and "
        "NAME.key");
  check_api_pair(main, diagnostics);
}

ListenerCertificates::ListenerCertificates(const MainConfig& main, Logger& logger) : main_(main) {
  if (main.proxy_address_tls) proxy_.emplace(main.certificate_folder(), policy_of(main), logger);
  if (main.config_tls_address) api_.emplace(api_files(main), policy_of(main), logger);
}

WatchSpec ListenerCertificates::watched() const {
  WatchSpec out;
  if (proxy_)
    out.folders.push_back({.path = main_.certificate_folder(), .endings = {".crt", ".key"}});
  if (api_) {
    const CertificateFiles files = api_files(main_);
    out.files = {files.chain, files.key};
  }
  return out;
}

bool ListenerCertificates::make_folder() const {
  std::error_code ec;
  const std::string folder = main_.certificate_folder();
  if (!proxy_ || !std::filesystem::create_directories(folder, ec)) return false;
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ec);
  return true;
}

std::optional<Certificates> ListenerCertificates::load_first(std::time_t now) {
  Certificates first = load(now);
  if ((proxy_ && !first.proxy) || (api_ && !first.api)) return std::nullopt;
  return first;
}

Certificates ListenerCertificates::load(std::time_t now) {
  if (proxy_)
    if (auto contexts = proxy_->load(now)) last_.proxy = std::move(contexts);
  if (api_)
    if (auto contexts = api_->load(now)) last_.api = std::move(contexts);
  return last_;
}

std::vector<ServedCertificate> ListenerCertificates::served() const {
  std::vector<ServedCertificate> out;
  for (const auto* store : {&proxy_, &api_}) {
    if (!*store) continue;
    auto more = (*store)->served();
    out.insert(out.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  }
  return out;
}

}  // namespace aralez
