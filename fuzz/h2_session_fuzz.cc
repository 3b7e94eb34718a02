// fuzz-link: codec/h2
#include <memory>

#include "check.h"
#include "codec/h2/server_codec.h"
#include "support/memory_transport.h"

namespace aralez::fuzz {
namespace {

/// An exchange with a mind of its own: what it does follows from the dice. Holds the codec to the
/// laws of http/stream.h.
class Owner final : public StreamEvents {
 public:
  Owner(Stream& s, BlockPool& pool, Dice& dice) : stream_(&s), pool_(pool), dice_(dice) {}
  void on_head(Head&& head, End end) override {
    require(stream_ && !head_, "one head, before reset and detach");
    require(!head.method_text.empty() && !head.target.empty(), "a head says what is wanted");
    require(!head.authority.empty(), "a head names a host");
    for (const Field& f : head.fields) {
      require(!f.name.empty(), "a field has a name");
      for (const char c : f.name)
        require(is_token_char(c) && to_lower(c) == c, "a lower-case token");
      for (const char c : f.value) require(c != '\r' && c != '\n' && c != '\0', "one line");
    }
    head_ = true;
    ended_ = end == End::yes;
    tunnel_ = !head.upgrade.empty();
    act();
  }
  void on_body(Chain&& body, End end) override {
    require(stream_ && head_ && (!ended_ || tunnel_), "a body between head and end");
    received_ += body.bytes();
    require(received_ <= granted_, "no more than was granted");
    ended_ = end == End::yes;
    act();
  }
  void on_trailers(Fields&& fields) override {
    require(stream_ && head_ && (!ended_ || tunnel_), "trailers before the end");
    for (const Field& f : fields) require(!f.name.starts_with(':'), "no pseudo-header");
    ended_ = true;
    act();
  }
  void on_sent(std::size_t n) override {
    require(stream_ != nullptr, "nothing after reset and detach");
    settled_ += n;
    require(settled_ <= handed_, "no more settled than handed over");
  }
  void on_reset(ResetCode) override {
    require(stream_ != nullptr, "reset once");
    stream_ = nullptr;
  }
  void act() {
    if (!stream_) return;
    switch (dice_.roll(8)) {
      case 1: return grant(dice_.roll(70'000));
      case 2: return grant(dice_.roll(20));
      case 3:
        stream_->send_head({.status = 200, .length = BodyLength::until_end()}, End::no);
        return send(dice_.roll(40'000), End::no);
      case 4: return send(dice_.roll(100), End::yes);
      case 5: stream_->send_head({.status = 103}, End::no); return;
      case 6: return std::exchange(stream_, nullptr)->detach();
      case 7: return std::exchange(stream_, nullptr)->reset(ResetCode::internal);
      default: return;
    }
  }
  void let_go() {
    if (stream_) std::exchange(stream_, nullptr)->detach();
  }

 private:
  void grant(std::size_t n) {
    granted_ += n;
    stream_->grant(n);
  }
  void send(std::size_t n, End end) {
    BlockRef block = pool_.take_sized(n);
    std::memset(block.bytes().data(), 'x', n);
    handed_ += n;
    stream_->send_body(Chain(Slice(block, block.bytes().first(n))), end);
  }

  Stream* stream_;
  BlockPool& pool_;
  Dice& dice_;
  std::uint64_t granted_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t handed_ = 0;
  std::uint64_t settled_ = 0;
  bool head_ = false;
  bool ended_ = false;
  bool tunnel_ = false;
};

/// A connection whose client sends `input`, cut as the dice say, after the preface.
class Run final : private ServerEvents {
 public:
  explicit Run(std::string_view input) : dice_(input.size() + 1) {
    if (input.size() > 1) dice_ = Dice(static_cast<unsigned char>(input.back()));
    transport_.attach(*codec_);
    ReadBuffer nothing;
    codec_->start(nothing);
    transport_.peer_sends(h2::kPreface);
    transport_.peer_sends(std::string_view("\0\0\0\x4\0\0\0\0\0", 9));
    while (!input.empty() && !transport_.closed()) {
      const auto part = input.substr(0, dice_.roll(300));
      input.remove_prefix(part.size());
      transport_.peer_sends(part);
      transport_.chop(dice_.roll(200));
      if (dice_.roll(4) == 1) transport_.peer_takes(dice_.roll(100'000));
      turn();
      if (dice_.roll(16) == 1) loop_.set_now(loop_.now() + std::chrono::seconds{dice_.roll(12)});
      if (dice_.roll(64) == 1) codec_->drain();
      if (!owners_.empty()) owners_[dice_.roll(owners_.size()) - 1]->act();
      require(codec_->streams() <= Limits::kH2Streams, "no more streams than allowed");
    }
    transport_.peer_takes(1U << 30);
    if (!transport_.closed())
      dice_.roll(2) == 1 ? transport_.peer_ends() : transport_.peer_breaks();
    turn();
    for (auto& o : owners_) o->let_go();
    turn();
    transport_.close(Transport::CloseMode::abort);
    codec_.reset();
    loop_.finish_turn();
    require(loop_.blocks().outstanding() == 0, "no block is left behind");
    require(shared_.streams.alive() == 0, "no stream is left behind");
  }

 private:
  StreamEvents& on_stream(Stream& stream) override {
    owners_.push_back(std::make_unique<Owner>(stream, loop_.blocks(), dice_));
    return *owners_.back();
  }
  void on_refused(const HeadError& error, Head*) override {
    require(!error.why.empty(), "a refusal says why");
  }
  void on_closed() override {
    require(!closed_, "closed once");
    closed_ = true;
  }
  void turn() {
    for (int i = 0; i < 3; ++i) {
      transport_.turn();
      loop_.run_deferred();
      loop_.finish_turn();
    }
  }

  Dice dice_;
  Loop loop_{TimePoint{} + std::chrono::hours{1}};
  Limits limits_;
  h2::Shared shared_{loop_};
  testing::MemoryTransport transport_{loop_};
  ServerEvents& events_ = *this;
  std::unique_ptr<h2::ServerCodec> codec_ =
      std::make_unique<h2::ServerCodec>(transport_, events_, shared_, limits_);
  std::vector<std::unique_ptr<Owner>> owners_;
  bool closed_ = false;
};

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  aralez::fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
