#include "control/json/json_access.h"

namespace aralez {

using nlohmann::json;

json parse_json(std::string_view text) {
  constexpr int kMaxDepth = 20;
  const auto within_depth = [](int depth, json::parse_event_t, const json&) {
    return depth <= kMaxDepth;
  };
  return json::parse(text.begin(), text.end(), within_depth, /*allow_exceptions=*/false);
}

const json& member(const json& object, const char* name) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

const json& list_in(const json& object, const char* name) {
  static const json empty = json::array();
  const json& list = member(object, name);
  return list.is_array() ? list : empty;
}

std::string text_in(const json& object, const char* name) {
  const json& text = member(object, name);
  return text.is_string() ? text.get<std::string>() : std::string();
}

std::uint16_t port_in(const json& object, const char* name) {
  const json& number = member(object, name);
  if (!number.is_number_unsigned()) return 0;
  const auto port = number.get<std::uint64_t>();
  return port <= 65535 ? static_cast<std::uint16_t>(port) : std::uint16_t{0};
}

}  // namespace aralez
