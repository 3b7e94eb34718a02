#include "observe/access_log/access_line.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <iterator>

#include "observe/log_text.h"
#include "observe/redact.h"

namespace aralez {
namespace {

/// Of the original: what reads its log finds the lines by it.
constexpr std::string_view kHead = " INFO aralez::web::logging - ";
constexpr std::string_view kCut = "...";

/// Blanks become `\x20`, so that no host or target can look like the fields behind it.
void append_field(std::string& out, std::string_view text) {
  while (true) {
    const auto blank = text.find(' ');
    append_escaped(out, text.substr(0, blank));
    if (blank == std::string_view::npos) return;
    out += "\\x20";
    text.remove_prefix(blank + 1);
  }
}

class Json {
 public:
  explicit Json(std::string& out) : out_(out) { out_ += '{'; }
  void number(std::string_view name, std::uint64_t value) {
    key(name);
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  /// Left out when it is negative.
  void millis(std::string_view name, std::chrono::nanoseconds value) {
    if (value.count() < 0) return;
    key(name);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(value).count();
    fmt::format_to(std::back_inserter(out_), "{}.{:03}", micros / 1000, micros % 1000);
  }
  void text(std::string_view name, std::string_view value, bool cut = false) {
    key(name);
    out_ += '"';
    append_json_escaped(out_, value);
    if (cut) out_ += kCut;
    out_ += '"';
  }
  void end() { out_ += "}\n"; }

 private:
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_.append(1, '"').append(name).append("\":");
  }
  std::string& out_;
  bool first_ = true;
};

/// In UTC, so that lines of machines and of seasons compare.
std::string utc_stamp(std::chrono::system_clock::time_point time) {
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t second = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&second, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", parts, millis % 1000);
}

}  // namespace

void AccessLineWriter::append(std::string& out, const AccessRecord& record,
                              std::chrono::system_clock::time_point time) {
  if (format_ == AccessLogFormat::json) return append_json(out, record, time);
  append_text(out, record, std::chrono::system_clock::to_time_t(time));
}

void AccessLineWriter::append_text(std::string& out, const AccessRecord& record,
                                   std::time_t second) {
  if (second != second_) {
    std::tm parts{};
    ::localtime_r(&second, &parts);
    stamp_ = fmt::format("{:%Y-%m-%d %H:%M:%S}", parts);
    stamp_ += kHead;
    second_ = second;
  }
  out += stamp_;
  append_message(out, record);
  out += '\n';
}

void AccessLineWriter::append_message(std::string& out, const AccessRecord& r) {
  const auto field = [&](AccessText t, std::string_view text) {
    append_field(out, text);
    if (r.is_cut(t)) out += kCut;
  };
  fmt::format_to(std::back_inserter(out), "{}, ", r.facts.status);
  field(AccessText::method, r.text(AccessText::method));
  out += ' ';
  field(AccessText::target, redact_target(r.text(AccessText::target), scratch_));
  out += ", Host: ";
  field(AccessText::host, r.text(AccessText::host));
  out += ", client: ";
  field(AccessText::client, r.text(AccessText::client));
  out += ", version: ";
  out += kVersionNames[std::to_underlying(r.facts.version)];
  out += ", useragent: ";
  const auto agent = r.text(AccessText::user_agent);
  append_escaped(out, agent.data() ? agent : "-");
  if (r.is_cut(AccessText::user_agent)) out += kCut;
}

void AccessLineWriter::append_json(std::string& out, const AccessRecord& r,
                                   std::chrono::system_clock::time_point time) {
  Json json(out);
  const AccessFacts& f = r.facts;
  const auto text = [&](std::string_view name, AccessText t) {
    if (r.text(t).data()) json.text(name, r.text(t), r.is_cut(t));
  };
  json.text("time", utc_stamp(time));
  json.number("status", f.status);
  text("method", AccessText::method);
  json.text("target", redact_target(r.text(AccessText::target), scratch_),
            r.is_cut(AccessText::target));
  text("host", AccessText::host);
  text("client", AccessText::client);
  json.text("version", kVersionNames[std::to_underlying(f.version)]);
  if (f.tls) json.text("tls", kTlsNames[std::to_underlying(*f.tls)]);
  text("user_agent", AccessText::user_agent);
  text("request_id", AccessText::request_id);
  text("route_host", AccessText::route_host);
  text("route_path", AccessText::route_path);
  text("upstream", AccessText::upstream);
  if (f.upstream_protocol)
    json.text("upstream_protocol", kUpstreamNames[std::to_underlying(*f.upstream_protocol)]);
  if (f.attempts != 0) json.number("attempts", f.attempts);
  json.number("bytes_in", f.bytes_in);
  json.number("bytes_out", f.bytes_out);
  json.millis("connect_ms", f.connected);
  json.millis("first_byte_ms", f.first_byte);
  json.millis("total_ms", std::max(f.total, std::chrono::nanoseconds(0)));
  if (f.reason) json.text("reason", to_string(*f.reason));
  json.end();
}

}  // namespace aralez
