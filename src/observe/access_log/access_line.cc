#include "observe/access_log/access_line.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "observe/log_text.h"
#include "observe/redact.h"

namespace aralez {
namespace {

/// Of the original: what reads its log finds the lines by it.
constexpr std::string_view kHead = " INFO aralez::web::logging - ";
constexpr std::string_view kCut = "...";

void append_number(std::string& out, std::uint64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

class Json {
 public:
  explicit Json(std::string& out) : out_(out) { out_ += '{'; }
  void number(std::string_view name, std::uint64_t value) {
    key(name);
    append_number(out_, value);
  }
  /// Left out when it is negative.
  void millis(std::string_view name, std::chrono::nanoseconds value) {
    if (value.count() < 0) return;
    key(name);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(value).count();
    append_number(out_, static_cast<std::uint64_t>(micros / 1000));
    out_ += '.';
    append_thousandths(micros % 1000);
  }
  void text(std::string_view name, std::string_view value, bool cut = false) {
    key(name);
    out_ += '"';
    append_json_escaped(out_, value);
    if (cut) out_ += kCut;
    out_ += '"';
  }
  /// `second`: the stamp without its fraction.
  void time(std::string_view second, std::chrono::system_clock::time_point time) {
    key("time");
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    out_.append(1, '"').append(second).append(1, '.');
    append_thousandths(millis % 1000);
    out_ += "Z\"";
  }
  void end() { out_ += "}\n"; }

 private:
  void append_thousandths(std::int64_t n) {
    for (const auto digit : {n / 100, n / 10 % 10, n % 10}) out_ += static_cast<char>(digit + '0');
  }
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_.append(1, '"').append(name).append("\":");
  }
  std::string& out_;
  bool first_ = true;
};

}  // namespace

void AccessLineWriter::append(std::string& out, const AccessRecord& record,
                              std::chrono::system_clock::time_point time) {
  if (format_ == AccessLogFormat::json) return append_json(out, record, time);
  append_text(out, record, std::chrono::system_clock::to_time_t(time));
}

/// Text: as lines of the server log begin, local time. JSON: UTC, so that lines of machines and of
/// seasons compare.
const std::string& AccessLineWriter::stamp_of(std::time_t second) {
  if (second == second_) return stamp_;
  second_ = second;
  std::tm parts{};
  if (format_ == AccessLogFormat::json) {
    ::gmtime_r(&second, &parts);
    stamp_ = fmt::format("{:%Y-%m-%dT%H:%M:%S}", parts);
  } else {
    ::localtime_r(&second, &parts);
    stamp_ = fmt::format("{:%Y-%m-%d %H:%M:%S}{}", parts, kHead);
  }
  return stamp_;
}

void AccessLineWriter::append_text(std::string& out, const AccessRecord& record,
                                   std::time_t second) {
  out += stamp_of(second);
  append_message(out, record);
  out += '\n';
}

void AccessLineWriter::append_message(std::string& out, const AccessRecord& r) {
  // No host or target can look like the fields behind it.
  const auto field = [&](AccessText t, std::string_view text) {
    append_escaped_word(out, text);
    if (r.is_cut(t)) out += kCut;
  };
  append_number(out, r.facts.status);
  out += ", ";
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
  json.time(stamp_of(std::chrono::system_clock::to_time_t(time)), time);
  json.number("status", f.status);
  if (f.grpc_status) json.number("grpc_status", *f.grpc_status);
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
