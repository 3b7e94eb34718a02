#pragma once

#include <string>
#include <string_view>

namespace aralez {

/// The status page: one document that loads nothing but `/status?format=json`. Made of the files in
/// page/ when the program is built.
extern const std::string_view kPageHtml;
/// The texts of its only style and script elements.
extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;

/// The value of its Content-Security-Policy: these two texts by their hashes, nothing else.
[[nodiscard]] std::string page_policy();

}  // namespace aralez
