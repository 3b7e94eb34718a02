#include "control/acme/account_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <span>

#include "base/base64.h"
#include "config/file.h"
#include "config/replace_file.h"
#include "control/json/json_access.h"
#include "tls/digest.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMostBytes = 64U * 1024;

struct Kept {
  bool of_authority = false;
  std::optional<AcmeAccount> account;
};

/// The name of a file for `directory`, told from those of others.
std::string digest_of(const std::string& directory) {
  std::string out;
  const Sha256 digest = sha256({directory});
  for (const std::byte b : std::span(digest).first<8>())
    out += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return out;
}

/// Nothing in it: there is no file.
std::expected<std::optional<Kept>, std::string> read(const std::string& file,
                                                     const AccountFiles::Authority& of) {
  const auto wrong = [&file](std::string_view what) {
    return std::unexpected(
        fmt::format("{} {}; mend it, or move it away to have a new account", file, what));
  };
  const FileText text = read_text_file(file, kMostBytes, FileRule::regular);
  if (text.status == FileText::Status::missing) return std::nullopt;
  if (text.status != FileText::Status::ok) return wrong("cannot be read: " + text.reason);
  const json root = parse_json(text.text);
  if (!root.is_object()) return wrong("is no JSON object");
  const std::string directory = text_in(root, "directory");
  const std::string new_account = text_in(member(root, "urls"), "newAccount");
  if (directory.empty() && new_account.empty()) return wrong("names no authority");
  const bool own = directory.empty() ? new_account == of.new_account : directory == of.directory;
  if (!own) return Kept{};
  const auto der = decode_base64(text_in(root, "key_pkcs8"), Base64::url);
  auto key = der ? SigningKey::from_pkcs8(*der) : std::nullopt;
  std::string url = text_in(root, "id");
  if (!key || url.empty()) return wrong("holds no account");
  std::error_code unimportant;  // Aralez lets everybody read it
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write, unimportant);
  return Kept{.of_authority = true,
              .account = AcmeAccount{.key = std::move(*key), .url = std::move(url)}};
}

}  // namespace

std::expected<AccountFiles::Found, std::string> AccountFiles::look(const Authority& of) const {
  const std::string first = (fs::path(folder_) / "acme_credentials.json").string();
  const std::string own =
      (fs::path(folder_) / ("acme_credentials." + digest_of(of.directory) + ".json")).string();
  for (const std::string& file : {first, own}) {
    auto kept = read(file, of);
    if (!kept) return std::unexpected(std::move(kept.error()));
    if (!*kept) return Found{.file = file};
    if ((*kept)->of_authority) return Found{.file = file, .account = std::move((*kept)->account)};
  }
  return std::unexpected(fmt::format("{} is of another authority than its name says", own));
}

std::expected<std::optional<AcmeAccount>, std::string> AccountFiles::find(
    const Authority& of) const {
  auto found = look(of);
  if (!found) return std::unexpected(std::move(found.error()));
  return std::move(found->account);
}

std::expected<void, std::string> AccountFiles::keep(const AcmeAccount& account,
                                                    const Authority& of) const {
  const auto place = look(of);
  if (!place) return std::unexpected(place.error());
  const std::string key = account.key.pkcs8();
  if (key.empty()) return std::unexpected("OpenSSL gives no key away");
  const json root{
      {"id", account.url}, {"key_pkcs8", encode_base64url(key)}, {"directory", of.directory}};
  return replace_file(place->file, root.dump() + "\n", FileAccess::owner_alone);
}

}  // namespace aralez
