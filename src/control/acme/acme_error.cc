#include "control/acme/acme_error.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "control/json/json_access.h"

namespace aralez {
namespace {

/// C0, DEL and C1. `one` is a character of UTF-8.
bool is_control(std::string_view one) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(one[i]); };
  if (one.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  return one.size() == 2 && byte(0) == 0xc2 && byte(1) < 0xa0;
}

}  // namespace

AcmeError read_problem(const nlohmann::json& problem, std::string_view otherwise) {
  constexpr std::string_view kPrefix = "urn:ietf:params:acme:error:";
  AcmeError error{.text = one_line(text_in(problem, "detail"))};
  if (error.text.empty()) error.text = otherwise;
  const std::string type = text_in(problem, "type");
  if (!type.starts_with(kPrefix)) return error;
  error.type = one_line(std::string_view(type).substr(kPrefix.size()));
  error.text += fmt::format(" ({})", error.type);
  return error;
}

AcmeError process_ends() {
  return {"the process is about to end"};
}

std::string one_line(std::string_view text) {
  constexpr std::size_t kMost = 400;
  std::string out;
  while (!text.empty()) {
    const std::size_t size = std::max<std::size_t>(utf8_length(text), 1);
    const std::string_view one = text.substr(0, size);
    if (out.size() + size > kMost) break;
    if (utf8_length(text) == 0)
      out += '?';
    else
      is_control(one) ? out += ' ' : out += one;
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace aralez
