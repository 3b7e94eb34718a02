#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/h2/frame.h"
#include "codec/h2/hpack/decoder.h"

/// HTTP/2 as a test writes and reads it: frames of any kind, good or bad.
namespace aralez::testing::h2 {

using namespace aralez::h2;  // a test speaks nothing else

using Lines = std::initializer_list<std::pair<std::string_view, std::string_view>>;

inline std::string u32(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

inline std::string frame(FrameType type, std::uint8_t flags, std::uint32_t stream,
                         std::string_view payload) {
  std::string out = u32(static_cast<std::uint32_t>(payload.size()) << 8);
  out[3] = static_cast<char>(type);
  out += static_cast<char>(flags);
  return out.append(u32(stream)).append(payload);
}

/// Header block without compression: every line a literal that is not indexed (RFC 7541
/// section 6.2.2).
inline std::string block(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::string out;
  const auto text = [&out](std::string_view s) {
    if (s.size() < 127) {
      out += static_cast<char>(s.size());
    } else {
      out += '\x7f';
      std::size_t rest = s.size() - 127;
      for (; rest >= 128; rest /= 128) out += static_cast<char>(rest % 128 + 128);
      out += static_cast<char>(rest);
    }
    out.append(s);
  };
  for (const auto& [name, value] : lines) {
    out += '\0';
    text(name);
    text(value);
  }
  return out;
}
inline std::string block(Lines lines) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, value] : lines) all.emplace_back(name, value);
  return block(all);
}

inline std::string headers(std::uint32_t stream, Lines lines, std::uint8_t more = 0) {
  return frame(FrameType::headers, static_cast<std::uint8_t>(flag::kEndHeaders | more), stream,
               block(lines));
}
inline std::string data(std::uint32_t stream, std::string_view body, std::uint8_t flags = 0) {
  return frame(FrameType::data, flags, stream, body);
}
inline std::string settings(std::initializer_list<Setting> all = {}) {
  std::string payload;
  for (const Setting& s : all) {
    const auto id = static_cast<std::uint16_t>(s.id);
    payload += static_cast<char>(id >> 8);
    payload += static_cast<char>(id);
    payload += u32(s.value);
  }
  return frame(FrameType::settings, 0, 0, payload);
}
inline std::string rst_stream(std::uint32_t stream, ErrorCode code) {
  return frame(FrameType::rst_stream, 0, stream, u32(static_cast<std::uint32_t>(code)));
}
inline std::string window_update(std::uint32_t stream, std::uint32_t n) {
  return frame(FrameType::window_update, 0, stream, u32(n));
}
inline std::string get(std::uint32_t stream, std::string_view path = "/") {
  return headers(stream,
                 {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", path}},
                 flag::kEndStream);
}

struct Frame {
  FrameHeader head;
  std::string payload;
  /// Of RST_STREAM; of GOAWAY.
  [[nodiscard]] ErrorCode code() const {
    return static_cast<ErrorCode>(
        read_u32(std::string_view(payload).substr(head.type == FrameType::goaway ? 4 : 0)));
  }
};

/// What a peer makes of a run of frames; decodes its header blocks in order.
class FrameReader final : private FieldSink {
 public:
  /// Reads on in `sent`, all bytes so far; the rest of a frame waits.
  void read(std::string_view sent) {
    while (sent.size() - at_ >= kFrameHeader) {
      const FrameHeader h = read_frame_header(sent.substr(at_));
      if (sent.size() - at_ - kFrameHeader < h.length) return;
      frames_.push_back({h, std::string(sent.substr(at_ + kFrameHeader, h.length))});
      at_ += kFrameHeader + h.length;
      if (h.type == FrameType::headers) lines_.clear();
      if (h.type == FrameType::headers || h.type == FrameType::continuation) {
        fragment_ += frames_.back().payload;
        if (h.has(flag::kEndHeaders) && !decoder_.decode(std::exchange(fragment_, {}), *this))
          broken_ = true;
        heads_.emplace_back(h.stream, lines_);
      }
      if (h.type == FrameType::data) bodies_.emplace_back(h.stream, frames_.back().payload);
    }
  }
  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] const std::vector<Frame>& frames() const { return frames_; }
  [[nodiscard]] std::vector<Frame> of(FrameType type,
                                      std::optional<std::uint32_t> stream = {}) const {
    std::vector<Frame> out;
    for (const Frame& f : frames_)
      if (f.head.type == type && (!stream || f.head.stream == *stream)) out.push_back(f);
    return out;
  }
  /// Header blocks of a stream, each as "name: value\n" lines.
  [[nodiscard]] std::vector<std::string> heads(std::uint32_t stream) const {
    std::vector<std::string> out;
    for (const auto& [id, lines] : heads_)
      if (id == stream) out.push_back(lines);
    return out;
  }
  [[nodiscard]] std::string body(std::uint32_t stream) const {
    std::string out;
    for (const auto& [id, part] : bodies_)
      if (id == stream) out += part;
    return out;
  }
  [[nodiscard]] bool ended(std::uint32_t stream) const {
    for (const Frame& f : frames_)
      if (f.head.stream == stream && f.head.has(flag::kEndStream) &&
          (f.head.type == FrameType::data || f.head.type == FrameType::headers))
        return true;
    return false;
  }
  [[nodiscard]] std::optional<ErrorCode> reset(std::uint32_t stream) const {
    const auto all = of(FrameType::rst_stream, stream);
    return all.empty() ? std::nullopt : std::optional(all.back().code());
  }
  [[nodiscard]] std::optional<ErrorCode> goaway() const {
    const auto all = of(FrameType::goaway);
    return all.empty() ? std::nullopt : std::optional(all.back().code());
  }

 private:
  void on_field(const FieldLine& line) override {
    lines_.append(line.name).append(": ").append(line.value) += '\n';
  }

  HpackScratch scratch_;
  HpackDecoder decoder_{scratch_};
  std::size_t at_ = 0;
  std::string fragment_;
  std::string lines_;
  std::vector<Frame> frames_;
  std::vector<std::pair<std::uint32_t, std::string>> heads_;
  std::vector<std::pair<std::uint32_t, std::string>> bodies_;
  bool broken_ = false;
};

}  // namespace aralez::testing::h2
