// fuzz-link: codec/h2 PkgConfig::nghttp2
#include "base/ascii.h"
#include "check.h"
#include "support/hpack_coders.h"

/// Blocks of one connection, told apart by a byte 0xfe, are read by our decoder and by nghttp2's:
/// both see the same lines, or that the same block is malformed. What was read is written by our
/// encoder, and comes back from both, with names in lower case.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using aralez::fuzz::require;
  using namespace aralez::testing::hpack;
  std::string_view left(reinterpret_cast<const char*>(data), size);
  Reader in;
  PeerReader peer;
  Writer out;
  Reader back;
  PeerReader peer_back;
  while (!left.empty()) {
    const std::string_view block = left.substr(0, left.find('\xfe'));
    left.remove_prefix(std::min(left.size(), block.size() + 1));
    auto lines = in.read(block);
    require(lines == peer.read(block), "both decoders agree");
    if (!lines) break;
    const std::string again = out.write(*lines);
    for (auto& line : *lines) line.first = aralez::lower(line.first);
    require(back.read(again) == lines, "what was written comes back");
    require(peer_back.read(again) == lines, "and from another decoder");
  }
  return 0;
}
