// fuzz-link: codec/h2 PkgConfig::nghttp2
#include <nghttp2/nghttp2.h>

#include <optional>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "check.h"
#include "codec/h2/hpack/decoder.h"
#include "codec/h2/hpack/encoder.h"

/// Blocks of one connection, told apart by a byte 0xfe, are read by our decoder and by nghttp2's:
/// both see the same lines, or that the same block is malformed. What was read is written by our
/// encoder, and comes back from both, with names in lower case.
namespace aralez::fuzz {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

class Ours final : public h2::FieldSink {
 public:
  std::optional<Lines> read(std::string_view block) {
    lines_.clear();
    const std::vector<char> copy = exact(block);
    if (!decoder_.decode(view(copy), *this)) return std::nullopt;
    return lines_;
  }

 private:
  void on_field(const h2::FieldLine& line) override { lines_.emplace_back(line.name, line.value); }
  h2::HpackScratch scratch_;
  h2::HpackDecoder decoder_{scratch_};
  Lines lines_;
};

class Peers {
 public:
  Peers() { nghttp2_hd_inflate_new(&inflater_); }
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;
  ~Peers() { nghttp2_hd_inflate_del(inflater_); }
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
      if (flags & NGHTTP2_HD_INFLATE_EMIT)
        lines.emplace_back(std::string(reinterpret_cast<const char*>(nv.name), nv.namelen),
                           std::string(reinterpret_cast<const char*>(nv.value), nv.valuelen));
      if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
      if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && left == 0) return std::nullopt;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return lines;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

std::string write(h2::HpackEncoder& encoder, const Lines& lines) {
  std::string out;
  for (const auto& [name, value] : lines) {
    std::vector<std::byte> room(h2::HpackEncoder::bound(1, name.size() + value.size()));
    const std::size_t n = encoder.put(name, value, FieldId::other, room);
    require(n > 0, "the bound is enough");
    out.append(reinterpret_cast<const char*>(room.data()), n);
  }
  return out;
}

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aralez::fuzz;
  std::string_view left(reinterpret_cast<const char*>(data), size);
  Ours in;
  Peers peer;
  aralez::h2::HpackEncoder encoder;
  Ours back;
  Peers peer_back;
  while (!left.empty()) {
    const std::string_view block = left.substr(0, left.find('\xfe'));
    left.remove_prefix(std::min(left.size(), block.size() + 1));
    auto lines = in.read(block);
    require(lines == peer.read(block), "both decoders agree");
    if (!lines) break;
    const std::string again = write(encoder, *lines);
    for (auto& line : *lines) line.first = aralez::lower(line.first);
    require(back.read(again) == lines, "what was written comes back");
    require(peer_back.read(again) == lines, "and from another decoder");
  }
  return 0;
}
