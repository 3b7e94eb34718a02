#include "observe/metrics/exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/ascii.h"

namespace aralez {
namespace {

constexpr std::string_view kTotal = "_total";

std::string_view type_name(const MetricFamily& family, MetricsFormat format) {
  switch (family.type) {
    case MetricType::counter:
      return format == MetricsFormat::openmetrics && !family.name.ends_with(kTotal) ? "unknown"
                                                                                    : "counter";
    case MetricType::gauge: return "gauge";
    case MetricType::histogram: return "histogram";
    case MetricType::summary: return "summary";
    case MetricType::none: break;
  }
  return "untyped";
}

/// In both formats: backslash, quote and line end.
void append_label_value(std::string& out, std::string_view value) {
  for (const char c : value) switch (c) {
      case '\\': out += "\\\\"; break;
      case '"': out += "\\\""; break;
      case '\n': out += "\\n"; break;
      default: out += c;
    }
}

/// The next element of a comma list, or of a semicolon one.
std::string_view next_part(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = trim_ows(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

double quality(std::string_view text) {
  double q = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), q);
  return error == std::errc() && end == text.data() + text.size() && q <= 1 ? q : 0;
}

struct Accepted {
  MetricsFormat format = MetricsFormat::text;
  double q = -1;  ///< below 0: neither
};

Accepted read_element(std::string_view element) {
  const std::string type = lower(next_part(element, ';'));
  Accepted a{.format = type == "application/openmetrics-text" ? MetricsFormat::openmetrics
                                                              : MetricsFormat::text};
  if (a.format == MetricsFormat::text && type != "text/plain" && type != "text/*" && type != "*/*")
    return a;
  a.q = 1;
  while (!element.empty()) {
    const std::string parameter = lower(next_part(element, ';'));
    const std::string_view p = parameter;
    if (p.starts_with("q=")) a.q = quality(p.substr(2));
    if (p.starts_with("version=") && a.format == MetricsFormat::openmetrics &&
        p.find("1.0.0") == std::string_view::npos)
      return {};
  }
  return a;
}

}  // namespace

MetricsFormat metrics_format_for(std::string_view accept) {
  Accepted best;
  while (!accept.empty()) {
    const Accepted a = read_element(next_part(accept, ','));
    if (a.q > best.q && a.q > 0) best = a;
  }
  return best.format;
}

std::string_view content_type_of(MetricsFormat format) noexcept {
  return format == MetricsFormat::openmetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4";
}

void Exposition::begin(const MetricFamily& family) {
  Family f{.name = family.name, .text = {}};
  std::string_view name = family.name;
  if (format_ == MetricsFormat::openmetrics && family.type == MetricType::counter &&
      name.ends_with(kTotal))
    name.remove_suffix(kTotal.size());
  f.text = fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name,
                       type_name(family, format_));
  f.head = f.text.size();
  families_.push_back(std::move(f));
}

void Exposition::append_name(std::string_view ending, Labels labels) {
  std::string& out = families_.back().text;
  out.append(families_.back().name).append(ending);
  char before = '{';
  for (const Label& l : labels) {
    out += before;
    out.append(l.name).append("=\"");
    append_label_value(out, l.value);
    out += '"';
    before = ',';
  }
  if (before == ',') out += '}';
  out += ' ';
}

void Exposition::sample(std::string_view ending, Labels labels, std::uint64_t value) {
  append_name(ending, labels);
  fmt::format_to(std::back_inserter(families_.back().text), "{}\n", value);
}

void Exposition::sample(std::string_view ending, Labels labels, double value) {
  append_name(ending, labels);
  fmt::format_to(std::back_inserter(families_.back().text), "{}\n", value);
}

void Exposition::sample(Labels labels, std::uint64_t value) {
  sample("", labels, value);
}

void Exposition::sample(Labels labels, double value) {
  sample("", labels, value);
}

std::string Exposition::finish() {
  std::stable_sort(families_.begin(), families_.end(),
                   [](const Family& a, const Family& b) { return a.name < b.name; });
  std::string out;
  for (const Family& f : families_)
    if (f.text.size() > f.head) out += f.text;
  if (format_ == MetricsFormat::openmetrics) out += "# EOF\n";
  return out;
}

}  // namespace aralez
