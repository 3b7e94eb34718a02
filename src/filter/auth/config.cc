#include "filter/auth/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/file.h"
#include "config/map_reader.h"
#include "filter/auth/basic/password_hash.h"
#include "filter/auth/forward/identity.h"
#include "filter/auth/url.h"
#include "jwt/key_set.h"

namespace aralez {
namespace {

struct TypeName {
  AuthType type;
  std::string_view name;
};
constexpr std::array kTypes = {TypeName{AuthType::basic, "basic"},
                               TypeName{AuthType::apikey, "apikey"}, TypeName{AuthType::jwt, "jwt"},
                               TypeName{AuthType::forward, "forward"}};

std::optional<AuthType> read_type(MapReader& block) {
  constexpr std::string_view kChoices = "basic, apikey, jwt or forward";
  const Node* node = block.get("type");
  if (node == nullptr) {
    block.require("type", fmt::format("type: {}", kChoices));
    return std::nullopt;
  }
  const auto text = decode_text({*node, "type"}, block.diagnostics());
  if (!text) return std::nullopt;
  for (const TypeName& entry : kTypes)
    if (entry.name == *text) return entry.type;
  // Not quoted: whoever swaps type and data writes the secret here.
  block.diagnostics().error(node->source(), "type", fmt::format("not a type; write {}", kChoices));
  return std::nullopt;
}

/// Entries of `data`, or of its old name `creds`; never quoted in a message.
std::vector<TextItem> read_data(MapReader& block, AuthType type) {
  Diagnostics& diagnostics = block.diagnostics();
  const Node* data = block.get("data");
  const Node* creds = block.get("creds");
  if (data != nullptr && creds != nullptr)
    diagnostics.error(block.at("creds"), "creds",
                      "old name of data, which is given too; keep data");
  const std::string_view key = data != nullptr ? "data" : "creds";
  const Node* node = data != nullptr ? data : creds;
  if (node == nullptr) {
    if (type != AuthType::jwt)
      diagnostics.error(block.at("data"), "data",
                        fmt::format("missing; type {} needs it", to_string(type)));
    return {};
  }
  const bool many = type == AuthType::basic || type == AuthType::apikey;
  if (node->is_sequence() && !many) {
    diagnostics.error(node->source(), key,
                      fmt::format("this is a list; type {} takes one text", to_string(type)));
    return {};
  }
  if (node->is_sequence()) {
    if (node->items().empty())
      diagnostics.error(node->source(), key, "empty list; give one entry at least");
    return decode_list({*node, key}, diagnostics, Secret::yes);
  }
  if (type == AuthType::jwt && node->is_scalar() && is_key_text(node->text()))  // has line ends
    return {{node->text(), node->source(), std::string(key)}};
  auto text = decode_text({*node, key}, diagnostics, Secret::yes);
  if (!text) return {};
  return {{std::move(*text), node->source(), std::string(key)}};
}

/// Of a `basic` entry.
std::string_view account_complaint(std::string_view entry) {
  const auto colon = entry.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return "no user in this entry; write user:password or user:hash";
  const std::string_view password = entry.substr(colon + 1);
  if (password.empty()) return "no password behind the colon; write user:password or user:hash";
  switch (password_kind(password)) {
    case PasswordKind::plain:
    case PasswordKind::hash: return "";
    case PasswordKind::slow:
      return "this hash takes more than a second to check; bcrypt up to cost 14, SHA-crypt up to "
             "500000 rounds";
    case PasswordKind::strange: break;
  }
  return "a hash that is damaged or not known; bcrypt ($2b$, $2a$, $2y$) and SHA-crypt ($5$, $6$) "
         "are: mkpasswd -m bcrypt, openssl passwd -6, htpasswd -B";
}

/// What is wrong with one entry; empty when nothing is.
std::string complaint(AuthType type, std::string_view entry) {
  if (entry.empty())
    return type == AuthType::jwt ? "" : "empty; an empty credential would let everyone in";
  switch (type) {
    case AuthType::basic: return std::string(account_complaint(entry));
    case AuthType::forward:
      if (const auto url = parse_http_url(entry); !url)
        return fmt::format("{}; write http://host[:port]/path or https://host[:port]/path",
                           url.error());
      return "";
    case AuthType::apikey:
    case AuthType::jwt: return "";
  }
  return "";
}

JwtKey jwt_key_of(std::string_view text) {
  if (is_key_text(text)) return JwtKey::keys;
  if (text.starts_with("https://")) return JwtKey::url;
  for (const std::string_view begin : {"/", "./", "../", "~"})
    if (text.starts_with(begin)) return JwtKey::file;
  for (const std::string_view end : {".pem", ".json", ".jwks", ".crt", ".pub", ".key"})
    if (text.ends_with(end)) return JwtKey::file;
  return JwtKey::secret;
}

/// Text that names or holds keys is never taken for a secret: others could know it and sign.
void read_jwt_key(const TextItem& item, AuthConfig& config, Diagnostics& diagnostics) {
  const auto error = [&](std::string message) {
    diagnostics.error(item.source, item.key, std::move(message));
  };
  constexpr std::size_t kGoodSecret = 32;  // RFC 7518 section 3.2
  config.jwt_key = jwt_key_of(item.text);
  switch (config.jwt_key) {
    case JwtKey::secret:
      if (item.text.starts_with("http://")) return error("keys are fetched from https:// only");
      if (is_bare_public_key(item.text))
        return error("a public key without its lines -----BEGIN PUBLIC KEY-----; write them");
      if (item.text.size() < kGoodSecret)
        diagnostics.warning(item.source, item.key,
                            fmt::format("a secret of less than {} bytes can be guessed from a "
                                        "token: openssl rand -base64 33",
                                        kGoodSecret));
      return;
    case JwtKey::url:
      if (const auto url = parse_http_url(item.text); !url)
        error(fmt::format("{}; write https://host[:port]/path", url.error()));
      return;
    case JwtKey::keys:
      if (const auto keys = parse_keys(item.text); !keys) error(keys.error());
      return;
    case JwtKey::file: break;
  }
  const FileText file = read_text_file(item.text, kMaxKeySetBytes, FileRule::regular);
  if (file.status != FileText::Status::ok)
    return error(
        fmt::format("the file of keys that this names is not readable: {}; a secret must "
                    "not look like a path",
                    file.reason));
  if (const auto keys = parse_keys(file.text); !keys)
    error(fmt::format("the file of keys that this names: {}", keys.error()));
}

void keep_to(AuthType type, std::initializer_list<std::string_view> keys, MapReader& block,
             const AuthConfig& config) {
  if (config.type == type) return;
  for (const std::string_view key : keys)
    if (block.get(key) != nullptr)
      block.diagnostics().error(
          block.at(key), key,
          fmt::format("only type {} has it, not type {}", to_string(type), to_string(config.type)));
}

void read_jwt_claims(MapReader& block, AuthConfig& config) {
  block.text("issuer", config.issuer);
  block.text("audience", config.audience);
  keep_to(AuthType::jwt, {"issuer", "audience"}, block, config);
}

void read_forward_keys(MapReader& block, AuthConfig& config) {
  block.seconds("timeout", config.timeout, {.max = std::chrono::minutes(5)});
  if (const Node* node = block.get("headers"))
    for (TextItem& item : decode_list({*node, "headers"}, block.diagnostics())) {
      const std::string_view wrong = complaint_of_identity(item.text);
      if (!wrong.empty())
        block.diagnostics().error(item.source, item.key,
                                  fmt::format("{}; write names such as Remote-User", wrong));
      config.headers.push_back(std::move(item.text));
    }
  keep_to(AuthType::forward, {"timeout", "headers"}, block, config);
}

}  // namespace

std::string_view to_string(AuthType type) noexcept {
  for (const TypeName& entry : kTypes)
    if (entry.type == type) return entry.name;
  return "";
}

std::optional<AuthConfig> parse_auth(const Node& node, Diagnostics& diagnostics) {
  if (!node.is_mapping()) {
    diagnostics.error(node.source(), "authorization",
                      fmt::format("this is {}; write {{type: basic, data: \"user:password\"}}",
                                  to_string(node.kind())));
    return std::nullopt;
  }
  const std::size_t errors = diagnostics.errors();
  MapReader block(node, diagnostics);
  const auto type = read_type(block);
  AuthConfig config;
  config.source = node.source();
  if (type) {
    config.type = *type;
    for (TextItem& item : read_data(block, *type)) {
      if (const auto wrong = complaint(*type, item.text); !wrong.empty())
        diagnostics.error(item.source, item.key, wrong);
      else if (!item.text.empty()) {
        if (*type == AuthType::jwt) read_jwt_key(item, config, diagnostics);
        config.data.push_back(std::move(item.text));
      }
    }
    read_jwt_claims(block, config);
    read_forward_keys(block, config);
  } else {
    block.ignore({"data", "creds", "issuer", "audience", "headers", "timeout"});
  }
  block.finish();
  if (diagnostics.errors() != errors) return std::nullopt;
  return config;
}

}  // namespace aralez
