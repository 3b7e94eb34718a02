#include "admin/query.h"

#include "base/query.h"

namespace aralez {

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  if (query.starts_with('?')) query.remove_prefix(1);
  std::optional<std::string> found;
  for_each_parameter(query, [&](std::string_view key, std::string_view value) {
    if (!decodes_to(key, name)) return;
    found.emplace();
    while (!value.empty()) found->push_back(take_decoded(value));
  });
  return found;
}

}  // namespace aralez
