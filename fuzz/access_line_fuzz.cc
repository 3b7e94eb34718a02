// A record of the access log whose texts a client wrote. The first byte says which of them are cut,
// then each text is a byte with its length and that many bytes.
// fuzz-link: observe
#include <string>

#include "base/utf8.h"
#include "check.h"
#include "observe/access_log/access_line.h"

namespace aralez::fuzz {
namespace {

/// Whether `line` is one object of strings and numbers, as far as quotes and escapes go.
bool is_object(std::string_view line) {
  if (!line.starts_with("{\"time\":\"") || !line.ends_with("}\n")) return false;
  bool in_string = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (in_string && line[i] == '\\') {
      if (std::string_view("\"\\u").find(line[++i]) == std::string_view::npos) return false;
    } else if (line[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && (line[i] == '{' || line[i] == '}')) {
      if (i != 0 && i != line.size() - 2) return false;
    }
  }
  return !in_string;
}

void check_line(std::string_view line) {
  require(line.ends_with('\n') && line.find('\n') == line.size() - 1, "one line");
  require(is_utf8(line), "UTF-8");
  for (const char c : line.substr(0, line.size() - 1))
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "no control byte");
}

void check_record(const AccessRecord& record) {
  std::string text;
  AccessLineWriter(AccessLogFormat::text).append(text, record, {});
  check_line(text);
  const auto start = text.find(" - ");
  require(start != std::string::npos, "a stamp");
  const auto client = text.find(", client: 192.0.2.1, version: HTTP/1.1, useragent: ");
  require(client != std::string::npos, "fields");
  require(text.find(", client: ") == client && text.find(", Host: ") < client,
          "no field before the user agent is forged");
  std::string json;
  AccessLineWriter(AccessLogFormat::json).append(json, record, {});
  check_line(json);
  require(is_object(json), "an object");
}

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aralez;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  AccessRecord record;
  record.facts.version = VersionLabel::http11;
  if (!rest.empty()) {
    record.cut = static_cast<unsigned char>(rest[0]);
    rest.remove_prefix(1);
  }
  for (std::size_t i = 0; i < kAccessTexts && !rest.empty(); ++i) {
    const std::size_t n = static_cast<unsigned char>(rest[0]);
    rest.remove_prefix(1);
    record.texts[i] = rest.substr(0, n);
    rest.remove_prefix(record.texts[i].size());
  }
  record.text(AccessText::client) = "192.0.2.1";
  record.cut &= static_cast<std::uint16_t>(~(1U << std::to_underlying(AccessText::client)));
  fuzz::check_record(record);
  return 0;
}
