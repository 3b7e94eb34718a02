#include "http/date.h"

#include <charconv>
#include <cstdio>

namespace aralez {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads fixed-width pieces off the front; fails softly.
class Cursor {
 public:
  explicit Cursor(std::string_view s) : s_(s) {}
  bool skip(std::string_view lit) {
    if (!s_.starts_with(lit)) return ok_ = false;
    s_.remove_prefix(lit.size());
    return true;
  }
  int number(std::size_t width) {
    int v = 0;
    if (s_.size() < width) return fail();
    auto digits = s_.substr(0, width);
    if (digits.front() == ' ') digits.remove_prefix(1);  // asctime pads the day
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
    if (ec != std::errc{} || end != digits.data() + digits.size() || v < 0) return fail();
    s_.remove_prefix(width);
    return v;
  }
  int month() {
    for (std::size_t i = 0; i < kMonths.size(); ++i)
      if (s_.starts_with(kMonths[i])) {
        s_.remove_prefix(3);
        return static_cast<int>(i);
      }
    return fail();
  }
  void clock(std::tm& tm) {
    tm.tm_hour = number(2);
    skip(":");
    tm.tm_min = number(2);
    skip(":");
    tm.tm_sec = number(2);
  }
  void day_name(char until) {
    const auto p = s_.find(until);
    if (p == std::string_view::npos || p > 9) {
      fail();
      return;
    }
    s_.remove_prefix(p + 1);
    skip(" ");
  }
  [[nodiscard]] bool done() const { return ok_ && s_.empty(); }

 private:
  int fail() {
    ok_ = false;
    return 0;
  }
  std::string_view s_;
  bool ok_ = true;
};

bool in_range(const std::tm& tm) {
  return tm.tm_mday >= 1 && tm.tm_mday <= 31 && tm.tm_hour <= 23 && tm.tm_min <= 59 &&
         tm.tm_sec <= 60 && tm.tm_year >= -300;
}

}  // namespace

std::string format_http_date(std::time_t t) {
  std::tm tm{};
  ::gmtime_r(&t, &tm);
  std::array<char, 64> out{};
  const int n = std::snprintf(out.data(), out.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                              kDays[static_cast<std::size_t>(tm.tm_wday)].data(), tm.tm_mday,
                              kMonths[static_cast<std::size_t>(tm.tm_mon)].data(),
                              tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
  return {out.data(), static_cast<std::size_t>(n)};
}

std::optional<std::time_t> parse_http_date(std::string_view s) {
  std::tm tm{};
  Cursor c(s);
  if (s.size() > 4 && s[3] == ' ') {  // asctime: Sun Nov  6 08:49:37 1994
    c = Cursor(s.substr(4));
    tm.tm_mon = c.month();
    c.skip(" ");
    tm.tm_mday = c.number(2);
    c.skip(" ");
    c.clock(tm);
    c.skip(" ");
    tm.tm_year = c.number(4) - 1900;
  } else {
    c.day_name(',');
    tm.tm_mday = c.number(2);
    const bool rfc850 = s.size() > 5 && s[3] != ',';
    c.skip(rfc850 ? "-" : " ");
    tm.tm_mon = c.month();
    c.skip(rfc850 ? "-" : " ");
    const int year = c.number(rfc850 ? 2 : 4);
    tm.tm_year = rfc850 ? (year < 70 ? year + 100 : year) : year - 1900;
    c.skip(" ");
    c.clock(tm);
    c.skip(" GMT");
  }
  if (!c.done() || !in_range(tm)) return std::nullopt;
  return ::timegm(&tm);
}

}  // namespace aralez
