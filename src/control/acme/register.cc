#include "control/acme/register.h"

#include <algorithm>

#include "control/acme/jws.h"
#include "control/json/json_access.h"

namespace aralez {

std::expected<std::string, AcmeError> register_account(AcmeClient& client, const AcmeConfig& ca,
                                                       const AcmeAccount& account) {
  const std::string& url = client.directory().new_account;
  nlohmann::json wanted{{"termsOfServiceAgreed", true}};
  for (const std::string& contact : ca.contacts) wanted["contact"].push_back("mailto:" + contact);
  if (!ca.eab_kid.empty())
    wanted["externalAccountBinding"] =
        parse_json(external_account_binding(account.key, ca.eab_kid, ca.eab_hmac_key, url));
  auto answer = client.post(account, url, wanted.dump());
  if (!answer) return std::unexpected(std::move(answer.error()));
  const bool is_url =
      answer->location.starts_with("https://") &&
      std::ranges::all_of(answer->location, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!is_url) return std::unexpected(AcmeError{"the authority gives the account no URL"});
  return std::move(answer->location);
}

}  // namespace aralez
