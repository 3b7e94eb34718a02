#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "codec/h2/hpack/decoder.h"
#include "codec/h2/hpack/encoder.h"
#include "http/fields.h"

namespace aralez::h2::testing {

using Lines = std::vector<std::pair<std::string, std::string>>;

/// "8286 84" as bytes.
inline std::string bytes(std::string_view hex) {
  std::string out;
  int high = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int v = hex_value(c);
    if (high < 0) {
      high = v;
    } else {
      out += static_cast<char>(high * 16 + v);
      high = -1;
    }
  }
  return out;
}
inline std::string hex(std::string_view s) {
  std::string out;
  for (const char c : s) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

/// Blocks of one connection, one after the other.
class Reader final : public FieldSink {
 public:
  /// Its lines, or none when it is malformed.
  std::optional<Lines> read(std::string_view block) {
    lines_.clear();
    const std::vector<char> exact(block.begin(), block.end());  // for AddressSanitizer
    if (!decoder_.decode({exact.data(), exact.size()}, *this)) return std::nullopt;
    return lines_;
  }
  [[nodiscard]] std::size_t memory() const {
    return decoder_.memory() + scratch_.name.size() + scratch_.value.size();
  }

 private:
  void on_field(const FieldLine& line) override { lines_.emplace_back(line.name, line.value); }

  HpackScratch scratch_;
  HpackDecoder decoder_{scratch_};
  Lines lines_;
};

class Writer {
 public:
  std::string write(const Lines& lines) {
    std::string out;
    for (const auto& [name, value] : lines) {
      std::vector<std::byte> room(HpackEncoder::bound(1, name.size() + value.size()));
      const FieldId id = name.starts_with(':') ? FieldId::other : field_id(name);
      const std::size_t n = encoder.put(name, value, id, room);
      EXPECT_GT(n, 0U) << name;
      out.append(reinterpret_cast<const char*>(room.data()), n);
    }
    return out;
  }
  HpackEncoder encoder;
};

}  // namespace aralez::h2::testing
