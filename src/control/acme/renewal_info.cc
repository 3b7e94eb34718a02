#include "control/acme/renewal_info.h"

#include <algorithm>
#include <ctime>

#include "control/json/json_access.h"
#include "control/schema/values.h"

namespace aralez {
namespace {

using std::chrono::system_clock;

/// The `size` characters of `text` from `at` are a number of that range.
struct Range {
  int least, most;
};
bool read_digits(std::string_view text, std::size_t at, std::size_t size, Range range, int& out) {
  return text.size() >= at + size &&
         parse_number<int>(text.substr(at, size), range.least, range.most, out);
}

/// `+hh:mm` or `-hh:mm` in seconds.
std::optional<int> offset_of(std::string_view text) {
  int hours = 0;
  int minutes = 0;
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
      !read_digits(text, 1, 2, {0, 23}, hours) || !read_digits(text, 4, 2, {0, 59}, minutes))
    return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes) * 60;
}

}  // namespace

std::optional<system_clock::time_point> parse_time(std::string_view text) {
  std::tm tm{};
  constexpr Range kYears{1970, 2200};  // system_clock has no others before 1678 and after 2261
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':' ||
      !read_digits(text, 0, 4, kYears, tm.tm_year) ||
      !read_digits(text, 5, 2, {1, 12}, tm.tm_mon) ||
      !read_digits(text, 8, 2, {1, 31}, tm.tm_mday) ||
      !read_digits(text, 11, 2, {0, 23}, tm.tm_hour) ||
      !read_digits(text, 14, 2, {0, 59}, tm.tm_min) ||
      !read_digits(text, 17, 2, {0, 60}, tm.tm_sec))
    return std::nullopt;
  std::string_view rest = text.substr(19);
  if (rest.starts_with('.'))
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
  const auto offset = offset_of(rest);
  if (!offset) return std::nullopt;
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  return system_clock::from_time_t(::timegm(&tm) - *offset);
}

std::expected<RenewalInfo, AcmeError> ask_renewal_info(AcmeClient& client, const std::string& id) {
  auto answer = client.get(client.directory().renewal_info + "/" + id);
  if (!answer) return std::unexpected(std::move(answer.error()));
  const auto& window = member(answer->body, "suggestedWindow");
  const auto begin = parse_time(text_in(window, "start"));
  const auto end = parse_time(text_in(window, "end"));
  if (!begin || !end || *end < *begin)
    return std::unexpected(AcmeError{"the window for a renewal is malformed"});
  return RenewalInfo{.begin = *begin,
                     .end = *end,
                     .explanation = one_line(text_in(answer->body, "explanationURL")),
                     .retry_after = answer->retry_after};
}

}  // namespace aralez
