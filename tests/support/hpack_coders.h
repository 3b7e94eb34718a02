#pragma once

#include <nghttp2/nghttp2.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/h2/hpack/decoder.h"
#include "codec/h2/hpack/encoder.h"

/// Header blocks of one connection, one after the other, by our coders and by nghttp2's.
namespace aralez::testing::hpack {

using Lines = std::vector<std::pair<std::string, std::string>>;

class Reader final : public h2::FieldSink {
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
  void on_field(const h2::FieldLine& line) override { lines_.emplace_back(line.name, line.value); }

  h2::HpackScratch scratch_;
  h2::HpackDecoder decoder_{scratch_};
  Lines lines_;
};

class Writer {
 public:
  std::string write(const Lines& lines) {
    std::string out;
    for (const auto& [name, value] : lines) {
      std::vector<std::byte> room(h2::HpackEncoder::bound(1, name.size() + value.size()));
      const std::size_t n = encoder.put(name, value, h2::classify(name, value).id, room);
      if (n == 0) throw std::logic_error("the bound is not enough for " + name);
      out.append(reinterpret_cast<const char*>(room.data()), n);
    }
    return out;
  }
  h2::HpackEncoder encoder;
};

class PeerReader {
 public:
  PeerReader() { nghttp2_hd_inflate_new(&inflater_); }
  PeerReader(const PeerReader&) = delete;
  PeerReader& operator=(const PeerReader&) = delete;
  ~PeerReader() { nghttp2_hd_inflate_del(inflater_); }

  /// As Reader's.
  std::optional<Lines> read(std::string_view block) {
    Lines lines;
    const auto* in = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    while (true) {
      nghttp2_nv nv{};
      int flags = 0;
      const auto n = nghttp2_hd_inflate_hd2(inflater_, &nv, &flags, in, left, 1);
      if (n < 0) return std::nullopt;
      in += n;
      left -= static_cast<std::size_t>(n);
      const auto text = [](const std::uint8_t* p, std::size_t size) {
        return std::string(reinterpret_cast<const char*>(p), size);
      };
      if (flags & NGHTTP2_HD_INFLATE_EMIT)
        lines.emplace_back(text(nv.name, nv.namelen), text(nv.value, nv.valuelen));
      if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
      if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && left == 0) return std::nullopt;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return lines;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace aralez::testing::hpack
