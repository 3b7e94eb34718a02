#include "tls/certificate_folder.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>

#include "config/file.h"
#include "tls/certificate_pair.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = 1024 * 1024;
constexpr std::string_view kChainEnd = ".crt";
constexpr std::string_view kKeyEnd = ".key";

/// Why OpenSSL refused, in its words. Empties its queue.
std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  std::string out = text != nullptr ? text : "not understood";
  ERR_clear_error();
  return out;
}

std::string date(const ASN1_TIME* time) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(time, &tm) != 1) return "an unreadable date";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

BioPtr bio_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Nobody is there to type one.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

/// One pair: finds what is wrong with it.
class Pair {
 public:
  Pair(std::string chain_file, std::string key_file, std::time_t now,
       std::vector<CertificateFinding>& findings)
      : chain_file_(std::move(chain_file)),
        key_file_(std::move(key_file)),
        now_(now),
        findings_(findings) {}

  /// Null after an error.
  CertificatePairPtr load(std::string name) {
    auto pair = std::make_shared<CertificatePair>();
    pair->name = std::move(name);
    pair->chain_file = chain_file_;
    pair->chain = read_chain();
    pair->key = read_key();
    if (!pair->chain.empty() && pair->key) match(pair->chain, *pair->key);
    for (std::size_t i = 0; i < pair->chain.size(); ++i) check_dates(*pair->chain[i], i);
    return failed_ ? nullptr : pair;
  }

 private:
  void error(const std::string& file, std::string what) {
    failed_ = true;
    findings_.push_back({Severity::error, file, std::move(what)});
  }
  void warning(std::string what) {
    findings_.push_back({Severity::warning, chain_file_, std::move(what)});
  }

  std::optional<std::string> text_of(const std::string& file) {
    FileText read = read_text_file(file, kMaxFile, FileRule::regular);
    if (read.status != FileText::Status::ok) {
      error(file, fmt::format("cannot be read: {}", read.reason));
    } else if (read.text.size() > kMaxFile) {
      error(file, "larger than 1 MiB; write a PEM file");
    } else {
      return std::move(read.text);
    }
    return std::nullopt;
  }

  /// Empty after an error.
  std::vector<X509Ptr> read_chain() {
    std::vector<X509Ptr> chain;
    const auto text = text_of(chain_file_);
    if (!text) return chain;
    const BioPtr bio = bio_of(*text);
    ERR_clear_error();
    while (X509Ptr next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
      chain.push_back(std::move(next));
    const auto last = ERR_peek_last_error();
    const bool at_end =
        ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    const std::string why = reason();
    if (at_end && !chain.empty()) return chain;
    error(chain_file_, at_end ? std::string("holds no certificate; write PEM, the server's first")
                              : fmt::format("certificate {} is broken: {}", chain.size() + 1, why));
    chain.clear();
    return chain;
  }

  KeyPtr read_key() {
    const auto text = text_of(key_file_);
    if (!text) return nullptr;
    const BioPtr bio = bio_of(*text);
    ERR_clear_error();
    bool asked = false;
    KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, &asked));
    if (!key)
      error(key_file_, asked ? std::string("has a passphrase; write the key without one")
                             : fmt::format("holds no private key; write PEM ({})", reason()));
    ERR_clear_error();
    return key;
  }

  void match(const std::vector<X509Ptr>& chain, EVP_PKEY& key) {
    for (std::size_t i = 0; i < chain.size(); ++i) {
      if (X509_check_private_key(chain[i].get(), &key) != 1) continue;
      if (i != 0)
        error(chain_file_,
              fmt::format("the key belongs to certificate {}; that one must come first", i + 1));
      ERR_clear_error();
      return;
    }
    ERR_clear_error();
    error(key_file_, fmt::format("not the key of {}", fs::path(chain_file_).filename().string()));
  }

  void check_dates(X509& certificate, std::size_t index) {
    const std::string which = index == 0 ? "" : fmt::format("certificate {} ", index + 1);
    const ASN1_TIME* until = X509_get0_notAfter(&certificate);
    const ASN1_TIME* from = X509_get0_notBefore(&certificate);
    if (X509_cmp_time(until, &now_) <= 0)
      warning(fmt::format("{}expired on {}", which, date(until)));
    if (X509_cmp_time(from, &now_) > 0)
      warning(fmt::format("{}not valid before {}", which, date(from)));
  }

  const std::string chain_file_;
  const std::string key_file_;
  std::time_t now_;
  std::vector<CertificateFinding>& findings_;
  bool failed_ = false;
};

/// Stems of both kinds of files in the folder.
struct Stems {
  std::set<std::string> chains;
  std::set<std::string> keys;
};

Stems list(const std::string& folder, LoadedCertificates& out) {
  Stems stems;
  std::error_code ec;
  fs::directory_iterator it(folder, ec);
  for (; !ec && it != fs::directory_iterator(); it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    for (auto [end, set] : {std::pair{kChainEnd, &stems.chains}, std::pair{kKeyEnd, &stems.keys}})
      if (name.ends_with(end)) set->insert(name.substr(0, name.size() - end.size()));
  }
  if (ec && ec != std::errc::no_such_file_or_directory) {
    out.listed = false;
    out.findings.push_back(
        {Severity::error, folder, fmt::format("cannot be listed: {}", ec.message())});
  }
  return stems;
}

}  // namespace

LoadedCertificates load_certificate_folder(const std::string& folder, std::time_t now) {
  LoadedCertificates out;
  const Stems stems = list(folder, out);
  const auto path = [&](const std::string& stem, std::string_view end) {
    return (fs::path(folder) / (stem + std::string(end))).string();
  };
  for (const std::string& stem : stems.chains) {
    CertificatePairPtr pair;
    if (stems.keys.contains(stem))
      pair = Pair(path(stem, kChainEnd), path(stem, kKeyEnd), now, out.findings).load(stem);
    else
      out.findings.push_back({Severity::error, path(stem, kChainEnd),
                              fmt::format("its key is missing; write it to {}{}", stem, kKeyEnd)});
    if (pair)
      out.pairs.push_back(std::move(pair));
    else
      out.broken.push_back(stem);
  }
  for (const std::string& stem : stems.keys)
    if (!stems.chains.contains(stem))
      out.findings.push_back(
          {Severity::error, path(stem, kKeyEnd),
           fmt::format("its certificate is missing; write it to {}{}", stem, kChainEnd)});
  return out;
}

LoadedCertificates load_certificate_files(const CertificateFiles& files, std::time_t now) {
  LoadedCertificates out;
  if (auto pair = Pair(files.chain, files.key, now, out.findings).load(files.chain))
    out.pairs.push_back(std::move(pair));
  else
    out.broken.push_back(files.chain);
  return out;
}

CertificateReport check_certificate_files(const CertificateFiles& files, std::time_t now) {
  LoadedCertificates loaded = load_certificate_files(files, now);
  return {.usable = loaded.pairs.size(), .findings = std::move(loaded.findings)};
}

CertificateReport check_certificate_folder(const std::string& folder, std::time_t now) {
  LoadedCertificates loaded = load_certificate_folder(folder, now);
  return {.usable = loaded.pairs.size(), .findings = std::move(loaded.findings)};
}

}  // namespace aralez
