#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace aralez {

/// A document of somebody else: discarded() when it is no JSON. What is nested deeper than any
/// answer that we know is left out. Never throws.
[[nodiscard]] nlohmann::json parse_json(std::string_view text);

/// The member of an object, or null.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, const char* name);
template <class... More>
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, const char* name,
                                           const char* next, More... more) {
  return member(member(object, name), next, more...);
}
/// Its items, if it is a list; a list without any otherwise.
[[nodiscard]] const nlohmann::json& list_in(const nlohmann::json& object, const char* name);
/// Its text, or nothing.
[[nodiscard]] std::string text_in(const nlohmann::json& object, const char* name);
/// Its number, if it is one of a port; 0 otherwise.
[[nodiscard]] std::uint16_t port_in(const nlohmann::json& object, const char* name);

}  // namespace aralez
