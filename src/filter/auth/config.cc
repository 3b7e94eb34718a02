#include "filter/auth/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/map_reader.h"

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
  auto text = decode_text({*node, key}, diagnostics, Secret::yes);
  if (!text) return {};
  return {{std::move(*text), node->source(), std::string(key)}};
}

bool is_http_url(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    const auto rest = url.substr(scheme.size());
    const auto host = rest.substr(0, rest.find_first_of("/?#"));
    return !host.empty() && host.front() != ':' &&
           rest.find_first_of(" \t") == std::string_view::npos;
  }
  return false;
}

/// What is wrong with one entry; empty when nothing is.
std::string_view complaint(AuthType type, std::string_view entry) {
  if (entry.empty())
    return type == AuthType::jwt ? "" : "empty; an empty credential would let everyone in";
  switch (type) {
    case AuthType::basic:
      if (const auto colon = entry.find(':'); colon == std::string_view::npos || colon == 0)
        return "no user in this entry; write user:password or user:hash";
      else if (colon + 1 == entry.size())
        return "no password behind the colon; write user:password or user:hash";
      return "";
    case AuthType::forward:
      return is_http_url(entry)
                 ? ""
                 : "not a URL; write http://host[:port]/path or https://host[:port]/path";
    case AuthType::apikey:
    case AuthType::jwt: return "";
  }
  return "";
}

void read_jwt_claims(MapReader& block, AuthConfig& config) {
  block.text("issuer", config.issuer);
  block.text("audience", config.audience);
  if (config.type == AuthType::jwt) return;
  for (const std::string_view key : {"issuer", "audience"})
    if (block.get(key) != nullptr)
      block.diagnostics().error(
          block.at(key), key,
          fmt::format("only type jwt has it, not type {}", to_string(config.type)));
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
        diagnostics.error(item.source, item.key, std::string(wrong));
      else if (!item.text.empty())
        config.data.push_back(std::move(item.text));
    }
    read_jwt_claims(block, config);
  } else {
    block.ignore({"data", "creds", "issuer", "audience"});
  }
  block.finish();
  if (diagnostics.errors() != errors) return std::nullopt;
  return config;
}

}  // namespace aralez
