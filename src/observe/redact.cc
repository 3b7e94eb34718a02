#include "observe/redact.h"

#include <array>

#include "base/ascii.h"
#include "base/query.h"

namespace aralez {
namespace {

/// `key` is that of the API.
constexpr std::array<std::string_view, 3> kSecret = {"araleztoken", "access_token", "key"};

/// Readers differ in whether case counts.
bool spells(std::string_view encoded, std::string_view plain) {
  for (const char wanted : plain)
    if (encoded.empty() || to_lower(take_decoded(encoded)) != wanted) return false;
  return encoded.empty();
}

bool is_secret(std::string_view name) {
  for (const std::string_view secret : kSecret)
    if (spells(name, secret)) return true;
  return false;
}

/// The length of the parameter at the beginning of `query`, without what separates it from the
/// next. A semicolon separates too: what some reader may take for a parameter is hidden.
std::size_t parameter_size(std::string_view query) {
  const auto end = query.find_first_of("&;?# ");
  return end == std::string_view::npos ? query.size() : end;
}

}  // namespace

std::string_view redact_target(std::string_view target, std::string& scratch) {
  const auto question = target.find('?');
  if (question == std::string_view::npos) return target;
  std::size_t copied = 0;  // of `target`, in scratch
  bool hidden = false;
  for (std::size_t at = question + 1; at < target.size();) {
    const auto parameter = target.substr(at, parameter_size(target.substr(at)));
    const auto equals = parameter.find('=');
    if (equals != std::string_view::npos && is_secret(parameter.substr(0, equals))) {
      if (!hidden) scratch.clear();
      hidden = true;
      scratch += target.substr(copied, at + equals + 1 - copied);
      scratch += "***";
      copied = at + parameter.size();
    }
    at += parameter.size() + 1;
  }
  if (!hidden) return target;
  scratch += target.substr(copied);
  return scratch;
}

}  // namespace aralez
