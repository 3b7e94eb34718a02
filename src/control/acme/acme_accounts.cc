#include "control/acme/acme_accounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/acme/jws.h"
#include "control/json/json_access.h"

namespace aralez {
namespace {

/// What a header field of a stranger says is kept in a file and sent back.
bool is_url(const std::string& text) {
  return text.starts_with("https://") &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string request_for(const AcmeConfig& ca, const AcmeAccount& account, const std::string& url) {
  nlohmann::json wanted{{"termsOfServiceAgreed", true}};
  for (const std::string& contact : ca.contacts) wanted["contact"].push_back("mailto:" + contact);
  if (!ca.eab_kid.empty())
    wanted["externalAccountBinding"] =
        parse_json(external_account_binding(account.key, ca.eab_kid, ca.eab_hmac_key, url));
  return wanted.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

AccountFiles::Authority AcmeAccounts::authority(const AcmeClient& client) const {
  return {.directory = ca_.directory, .new_account = client.directory().new_account};
}

std::expected<AcmeAccount, AcmeError> AcmeAccounts::open(AcmeClient& client) {
  const std::lock_guard lock(mutex_);
  auto kept = files_.find(authority(client));
  if (!kept) return std::unexpected(AcmeError{std::move(kept.error())});
  if (*kept) return std::move(**kept);
  if (unkept_) return keep(client, std::move(*std::exchange(unkept_, std::nullopt)));
  auto key = SigningKey::generate();
  if (!key) return std::unexpected(AcmeError{"OpenSSL makes no key"});
  return enroll(client, {.key = std::move(*key)});
}

std::expected<AcmeAccount, AcmeError> AcmeAccounts::open_again(AcmeClient& client,
                                                               AcmeAccount account) {
  const std::lock_guard lock(mutex_);
  account.url.clear();
  return enroll(client, std::move(account));
}

std::expected<AcmeAccount, AcmeError> AcmeAccounts::enroll(AcmeClient& client,
                                                           AcmeAccount account) {
  const std::string& url = client.directory().new_account;
  auto answer = client.post(account, url, request_for(ca_, account, url));
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (!is_url(answer->location))
    return std::unexpected(AcmeError{"the authority gives the account no URL"});
  account.url = std::move(answer->location);
  return keep(client, std::move(account));
}

std::expected<AcmeAccount, AcmeError> AcmeAccounts::keep(AcmeClient& client, AcmeAccount account) {
  if (auto kept = files_.keep(account, authority(client)); !kept) {
    unkept_ = std::move(account);
    return std::unexpected(AcmeError{std::move(kept.error())});
  }
  logger_.write(LogLevel::info, "aralez::control::acme",
                fmt::format("account {} at {}", account.url, ca_.directory));
  return account;
}

}  // namespace aralez
