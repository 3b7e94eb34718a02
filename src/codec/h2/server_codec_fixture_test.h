#pragma once

#include <gmock/gmock.h>

#include <map>

#include "codec/h2/server_codec.h"
#include "support/h2_frames.h"
#include "support/memory_transport.h"

namespace aralez::testing {

/// The fields of a plain request.
inline const std::pair<std::string, std::string> kM{":method", "GET"}, kS{":scheme", "http"},
    kA{":authority", "a"}, kP{":path", "/"};

/// What an exchange would be: notes what it is told, and does what the test says.
class Owner final : public StreamEvents {
 public:
  explicit Owner(Stream& s) : stream(&s) {}
  void on_head(Head&& head, End e) override {
    method = head.method_text;
    target = head.target;
    scheme = head.scheme;
    authority = head.authority;
    upgrade = head.upgrade;
    length = head.length;
    expects = head.expect_continue;
    for (const Field& f : head.fields)
      fields.append(f.name).append(": ").append(f.value).append(f.underscore ? " _\n" : "\n");
    ended = e == End::yes;
  }
  void on_body(Chain&& chain, End e) override {
    for (std::size_t i = 0; i < chain.count(); ++i) body += chain[i].slice().text();
    if (give_back) stream->grant(static_cast<std::size_t>(chain.bytes()));
    ended |= e == End::yes;
  }
  void on_trailers(Fields&& all) override {
    for (const Field& f : all) trailers.append(f.name).append(": ").append(f.value) += '\n';
    ended = true;
  }
  void on_sent(std::size_t n) override { settled += n; }
  void on_reset(ResetCode code) override {
    reset = code;
    stream = nullptr;
  }

  void answer(BlockPool& pool, std::string_view text) {
    stream->send_head({.status = 200, .length = BodyLength::of(text.size())},
                      text.empty() ? End::yes : End::no);
    if (!text.empty()) send(pool, text, End::yes);
  }
  void send(BlockPool& pool, std::string_view text, End end) {
    Chain chain;
    if (!text.empty()) {
      BlockRef block = pool.take_sized(text.size());
      std::memcpy(block.bytes().data(), text.data(), text.size());
      chain.push_back(Piece(Slice(block, block.bytes().first(text.size()))));
    }
    stream->send_body(std::move(chain), end);
  }
  void detach() { std::exchange(stream, nullptr)->detach(); }

  Stream* stream;
  std::string method, target, scheme, authority, upgrade, fields, body, trailers;
  BodyLength length;
  bool expects = false;
  bool ended = false;
  bool give_back = false;
  std::size_t settled = 0;
  std::optional<ResetCode> reset;
};

class H2ServerCodec : public ::testing::Test, private ServerEvents {
 protected:
  H2ServerCodec() {
    transport_.attach(*codec_);
    ReadBuffer nothing;
    codec_->start(nothing);
  }
  ~H2ServerCodec() override {
    for (auto& o : owners_)
      if (o->stream) o->detach();
    transport_.close(Transport::CloseMode::abort);
    codec_.reset();
    loop_.finish_turn();
    EXPECT_EQ(loop_.blocks().outstanding(), 0U);
  }
  void settle() {
    for (int i = 0; i < 4; ++i) {
      transport_.turn();
      loop_.run_deferred();
      loop_.finish_turn();
    }
    frames_.read(transport_.sent());
  }
  void pass(Millis time) {
    loop_.set_now(loop_.now() + time);
    settle();
  }
  void send(std::string_view bytes) {
    transport_.peer_sends(bytes);
    settle();
  }
  void greet() { send(std::string(h2::kPreface) + h2::settings()); }
  void post(std::uint32_t stream) {
    send(h2::headers(
        stream, {{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}));
  }
  Owner& owner(std::size_t i = 0) { return *owners_.at(i); }
  /// Names of the reasons that were given for refusals.
  std::string reasons() const {
    std::string out;
    for (const auto& e : refused_) out.append(to_string(e.reason)) += ' ';
    return out;
  }

  Loop loop_{TimePoint{} + std::chrono::hours{1}};
  Limits limits_;
  h2::Shared shared_{loop_};
  MemoryTransport transport_{loop_};
  ServerEvents& events_ = *this;
  std::unique_ptr<h2::ServerCodec> codec_ =
      std::make_unique<h2::ServerCodec>(transport_, events_, shared_, limits_);
  std::vector<std::unique_ptr<Owner>> owners_;
  std::vector<HeadError> refused_;
  bool closed_ = false;
  h2::FrameReader frames_;

 private:
  StreamEvents& on_stream(Stream& stream) override {
    owners_.push_back(std::make_unique<Owner>(stream));
    return *owners_.back();
  }
  void on_refused(const HeadError& error, Head*) override { refused_.push_back(error); }
  void on_closed() override { closed_ = true; }
};

}  // namespace aralez::testing
