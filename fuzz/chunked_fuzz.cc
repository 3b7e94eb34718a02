// A chunked body with its trailers. The first byte seeds the places where it is cut.
// fuzz-link: codec/h1
#include <array>

#include "base/limits.h"
#include "check.h"
#include "codec/h1/chunked.h"
#include "codec/h1/head_parser.h"
#include "codec/h1/writer.h"
#include "memory/byte_sink.h"

namespace aralez::fuzz {
namespace {

constexpr h1::HeadLimits kTrailerLimits{1024, 16, 0};

struct Decoded {
  enum class End : std::uint8_t { more, done, bad };
  End end = End::more;
  std::string body;
  std::string trailers;
  std::size_t consumed = 0;

  friend bool operator==(const Decoded& a, const Decoded& b) {
    return a.end == b.end && a.body == b.body && a.trailers == b.trailers &&
           (a.end == End::bad || a.consumed == b.consumed);
  }
};

/// Feeds pieces as a codec does: what was not consumed comes again, with more behind it.
class Feeder {
 public:
  /// False when no more is wanted.
  bool feed(std::string_view piece) {
    held_ += piece;
    while (out_.end == Decoded::End::more && step()) {
    }
    return out_.end == Decoded::End::more;
  }
  [[nodiscard]] const Decoded& result() const { return out_; }

 private:
  bool step() {
    using Step = h1::ChunkDecoder::Step;
    const auto text = exact(held_);
    const auto r = decoder_.next(view(text));
    require(r.bytes <= held_.size(), "no step takes more than there is");
    switch (r.step) {
      case Step::framing: require(r.bytes > 0, "framing has bytes"); return consume(r.bytes);
      case Step::data:
        require(r.bytes > 0, "data has bytes");
        out_.body += held_.substr(0, r.bytes);
        decoder_.take(r.bytes);
        return consume(r.bytes);
      case Step::trailers: return trailers(view(text));
      case Step::more:
        require(held_.size() <= Limits::kMaxChunkExtension + 20, "little is held to decide");
        return false;
      case Step::bad:
        require(!r.why.empty(), "what is refused has a reason");
        out_.end = Decoded::End::bad;
        return false;
    }
    return false;
  }
  bool trailers(std::string_view text) {
    std::array<Field, 16> storage;
    Fields fields;
    const auto r = h1::parse_trailers(text, kTrailerLimits, storage, fields);
    if (r.outcome == h1::Parse::more) return false;
    if (r.outcome == h1::Parse::bad) {
      out_.end = Decoded::End::bad;
      return false;
    }
    out_.end = Decoded::End::done;
    for (const Field& f : fields) {
      require(f.id != FieldId::content_length && f.id != FieldId::transfer_encoding &&
                  f.id != FieldId::host && f.id != FieldId::authorization,
              "trailers change no framing, route or credential");
      out_.trailers.append(f.name).append(": ").append(f.value).append("\r\n");
    }
    return consume(r.bytes);
  }
  bool consume(std::size_t n) {
    held_.erase(0, n);
    out_.consumed += n;
    return true;
  }

  h1::ChunkDecoder decoder_;
  std::string held_;
  Decoded out_;
};

/// Pieces of 1 to `most` bytes.
Decoded decode(std::string_view text, Dice dice, std::size_t most) {
  Feeder feeder;
  while (!text.empty()) {
    const std::size_t n = std::min(text.size(), dice.roll(most));
    if (!feeder.feed(text.substr(0, n))) break;
    text.remove_prefix(n);
  }
  return feeder.result();
}

/// What the writer makes of a body is the same body.
void check_rewritten(const std::string& body, Dice dice) {
  BlockPool pool(4);
  memory::ByteSink sink;
  h1::BodyWriter writer;
  writer.start(h1::BodyMode::chunked, 0);
  for (std::string_view rest = body; !rest.empty();) {
    const std::size_t n = std::min(rest.size(), dice.roll(64));
    BlockRef block = pool.take();
    std::memcpy(block.bytes().data(), rest.data(), n);
    const auto bytes = block.bytes().first(n);
    require(writer.send(sink, Chain(Slice(std::move(block), bytes)), End::no) == 0,
            "a chunked body drops nothing");
    rest.remove_prefix(n);
  }
  require(writer.send(sink, Chain(), End::yes) == 0, "an end drops nothing");
  require(sink.credit() == body.size(), "each body byte carries its credit, framing none");
  const Decoded again = decode(sink.text(), dice, sink.text().size());
  require(again.end == Decoded::End::done && again.body == body && again.trailers.empty() &&
              again.consumed == sink.text().size(),
          "what we write is read as the same body");
}

void one_input(std::string_view text) {
  const Dice dice(text.empty() ? 0 : static_cast<unsigned char>(text.front()));
  if (!text.empty()) text.remove_prefix(1);
  const Decoded whole = decode(text, dice, SIZE_MAX / 2);
  require(whole.consumed <= text.size(), "a body ends inside its text");
  require(decode(text, dice, 1) == whole, "byte by byte reads like the whole");
  require(decode(text, dice, 7) == whole, "small pieces read like the whole");
  require(decode(text, dice, 300) == whole, "large pieces read like the whole");
  if (whole.end == Decoded::End::done) check_rewritten(whole.body, dice);
}

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  aralez::fuzz::one_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
