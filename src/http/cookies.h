#pragma once

#include <string_view>

#include "base/ascii.h"
#include "http/fields.h"

namespace aralez {

/// Calls `fn` with the value of each cookie of exactly this name, in the order of the request,
/// until it returns true. Of several `Cookie` fields, into which HTTP/2 may split the line (RFC
/// 9113 section 8.2.3), all count. Values are as they came, quotes included (RFC 6265 section 4.2).
template <class Fn>
void find_cookie(const Fields& fields, std::string_view name, Fn&& fn) {
  if (!fields.kinds().has(FieldId::cookie)) return;
  for (const Field& f : fields) {
    if (f.id != FieldId::cookie) continue;
    std::string_view rest = f.value;
    while (!rest.empty()) {
      const std::size_t end = rest.find(';');
      const std::string_view pair = trim_ows(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (pair.size() > name.size() && pair[name.size()] == '=' && pair.starts_with(name) &&
          fn(pair.substr(name.size() + 1)))
        return;
    }
  }
}

}  // namespace aralez
