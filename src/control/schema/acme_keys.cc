#include <fmt/format.h>

#include "base/base64.h"
#include "control/schema/main_config.h"
#include "control/schema/values.h"

namespace aralez {
namespace {

std::vector<TextItem> one_or_more(MapReader& map, std::string_view key) {
  const Node* const node = map.get(key);
  if (node == nullptr) return {};
  if (!node->is_scalar()) return decode_list({*node, key}, map.diagnostics());
  const auto text = decode_text({*node, key}, map.diagnostics());
  return text ? std::vector<TextItem>{{*text, node->source(), std::string(key)}}
              : std::vector<TextItem>();
}

void read_contacts(MapReader& map, std::vector<std::string>& out) {
  for (TextItem& item : one_or_more(map, "acme_contact")) {
    const auto at = item.text.find('@');
    if (at != 0 && at != std::string::npos && is_dns_name(item.text.substr(at + 1)))
      out.push_back(std::move(item.text));
    else
      map.diagnostics().error(
          item.source, item.key,
          fmt::format("{} is no e-mail address; write name@example.com", shown(item.text)));
  }
}

/// An account elsewhere is a name and a key.
void read_external_account(MapReader& map, AcmeConfig& out) {
  std::string key;
  map.text("acme_eab_kid", out.eab_kid);
  map.text("acme_eab_hmac_key", key, Secret::yes);
  if (out.eab_kid.empty() != key.empty()) {
    const std::string_view given = key.empty() ? "acme_eab_kid" : "acme_eab_hmac_key";
    map.diagnostics().error(map.at(given), given,
                            "has no effect alone; give acme_eab_kid and acme_eab_hmac_key");
  }
  while (key.ends_with('=')) key.pop_back();
  const auto decoded = decode_base64(key, Base64::url);
  if (decoded)
    out.eab_hmac_key = *decoded;
  else
    map.diagnostics().error(map.at("acme_eab_hmac_key"), "acme_eab_hmac_key",
                            "is not base64url; write it as the authority shows it");
}

}  // namespace

void read_acme(MapReader& map, AcmeConfig& out) {
  map.text("acme_directory", out.directory);
  if (!out.directory.starts_with("https://") || out.directory.size() == 8)
    map.diagnostics().error(
        map.at("acme_directory"), "acme_directory",
        fmt::format("{} is no https:// URL; write that of the directory of the authority",
                    shown(out.directory)));
  read_ca_file(map, out.ca_file, "acme_ca_file");
  read_contacts(map, out.contacts);
  read_external_account(map, out);
}

}  // namespace aralez
