#include "control/acme/issued_files.h"

#include <ctime>
#include <filesystem>

#include "config/replace_file.h"

namespace aralez {

CertificateFiles IssuedFiles::files_of(const std::string& name) const {
  const std::filesystem::path folder(folder_);
  return {.chain = (folder / (name + ".crt")).string(), .key = (folder / (name + ".key")).string()};
}

std::expected<std::optional<CertificateLife>, std::string> IssuedFiles::life(
    const std::string& name) const {
  return life_of(files_of(name), name, std::time(nullptr));
}

std::expected<void, std::string> IssuedFiles::save(const std::string& name,
                                                   const OrderedCertificate& ordered) const {
  const CertificateFiles files = files_of(name);
  const std::string key = ordered.key.pem();
  if (key.empty()) return std::unexpected("OpenSSL gives no key away");
  return replace_pair({files.key, key, FileAccess::owner_alone}, {files.chain, ordered.chain.pem});
}

}  // namespace aralez
