#include "codec/h2/client_codec.h"
#include "codec/h2/server_codec.h"
#include "support/h2_frames.h"
#include "support/stream_laws.h"

namespace aralez::testing {
namespace {

/// DATA frames of uneven sizes, and trailers when there are some.
std::string body_frames(std::string_view body, std::string_view trailers) {
  std::string out;
  for (std::size_t at = 0; at < body.size();) {
    const auto part = body.substr(at, 1 + at % 113);
    at += part.size();
    const bool last = at == body.size() && trailers.empty();
    out += h2::data(1, part, last ? h2::flag::kEndStream : 0);
  }
  if (!trailers.empty()) out += h2::headers(1, {{"x-sum", "1"}}, h2::flag::kEndStream);
  if (body.empty() && trailers.empty()) out += h2::data(1, {}, h2::flag::kEndStream);
  return out;
}

class H2Server final : private ServerEvents {
 public:
  static constexpr std::array kPeerBodies{PeerBody::length, PeerBody::chunked};
  static constexpr bool speaks_first() { return false; }

  explicit H2Server(Loop& loop) : loop_(loop), transport_(loop) {
    ServerEvents& owner = *this;
    holder_ = std::make_unique<Holder>(transport_, owner, shared_, limits_);
    transport_.attach(holder_->codec);
  }
  MemoryTransport& transport() { return transport_; }
  void open(Recorder& r) {
    recorder_ = &r;
    ReadBuffer nothing;
    holder_->codec.start(nothing);
    transport_.peer_sends(std::string(h2::kPreface) + h2::settings());
    for (int i = 0; i < 3; ++i) {
      transport_.turn();
      loop_.run_deferred();
      loop_.finish_turn();
    }
  }
  Head own_head(BodyLength length) { return {.status = 200, .length = length}; }
  static std::string peer_message(PeerBody kind, std::string_view body, std::string_view trailers) {
    const std::string length = std::to_string(body.size());
    const std::string head =
        kind == PeerBody::length
            ? h2::headers(1, {{":method", "POST"},
                              {":scheme", "http"},
                              {":authority", "a"},
                              {":path", "/x"},
                              {"content-length", length}})
            : h2::headers(
                  1,
                  {{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/x"}});
    return head + body_frames(body, trailers);
  }
  static std::size_t head_size(std::string_view message) {
    return h2::kFrameHeader + h2::read_frame_header(message).length;
  }
  [[nodiscard]] std::optional<std::string> received() {
    frames_.read(transport_.sent());
    return frames_.ended(1) ? std::optional(frames_.body(1)) : std::nullopt;
  }
  [[nodiscard]] bool aborted() {
    frames_.read(transport_.sent());
    return frames_.reset(1).has_value() || transport_.closed().has_value();
  }
  /// The streams are what is freed: the connection goes on.
  [[nodiscard]] bool codec_alive() const { return shared_.streams.alive() > 0; }

 private:
  struct Holder final : Retired {
    Holder(Transport& t, ServerEvents& owner, h2::Shared& shared, const Limits& limits)
        : codec(t, owner, shared, limits) {}
    h2::ServerCodec codec;
  };
  StreamEvents& on_stream(Stream& stream) override {
    recorder_->attach(stream);
    return *recorder_;
  }
  void on_refused(const HeadError&, Head*) override {}
  void on_closed() override { loop_.retire(std::move(holder_)); }

  Loop& loop_;
  Limits limits_;
  h2::Shared shared_{loop_};
  MemoryTransport transport_;
  Recorder* recorder_ = nullptr;
  h2::FrameReader frames_;
  std::unique_ptr<Holder> holder_;
};

class H2Client final : private h2::ClientEvents {
 public:
  static constexpr std::array kPeerBodies{PeerBody::length, PeerBody::chunked};
  static constexpr bool speaks_first() { return true; }

  explicit H2Client(Loop& loop) : loop_(loop), arena_(loop.blocks()), transport_(loop) {
    ClientEvents& owner = *this;
    holder_ = std::make_unique<Holder>(transport_, owner, shared_);
    transport_.attach(holder_->codec);
    holder_->codec.start();
    transport_.peer_sends(h2::settings());
    for (int i = 0; i < 3; ++i) {
      transport_.turn();
      loop_.run_deferred();
      loop_.finish_turn();
    }
  }
  ~H2Client() { loop_.finish_turn(); }  // a codec that was retired needs what is shared
  MemoryTransport& transport() { return transport_; }
  void open(Recorder& r) { r.attach(holder_->codec.open_stream(r)); }
  Head own_head(BodyLength length) {
    Head head{.method = Method::post};
    head.method_text = "POST";
    head.target = "/x";
    head.length = length;
    head.fields.add(arena_, {"Host", "a", FieldId::host});
    return head;
  }
  static std::string peer_message(PeerBody kind, std::string_view body, std::string_view trailers) {
    const std::string length = std::to_string(body.size());
    const std::string head = kind == PeerBody::length
                                 ? h2::headers(1, {{":status", "200"}, {"content-length", length}})
                                 : h2::headers(1, {{":status", "200"}});
    return head + body_frames(body, trailers);
  }
  static std::size_t head_size(std::string_view message) {
    return h2::kFrameHeader + h2::read_frame_header(message).length;
  }
  [[nodiscard]] std::optional<std::string> received() {
    read();
    return frames_.ended(1) ? std::optional(frames_.body(1)) : std::nullopt;
  }
  [[nodiscard]] bool aborted() {
    read();
    return frames_.reset(1).has_value() || transport_.closed().has_value();
  }
  [[nodiscard]] bool codec_alive() const { return shared_.streams.alive() > 0; }

 private:
  struct Holder final : Retired {
    Holder(Transport& t, ClientEvents& owner, h2::Shared& shared)
        : codec(t, owner, shared, h2::ClientCodec::Scheme::http) {}
    h2::ClientCodec codec;
  };
  void read() {
    const std::string_view sent = transport_.sent();
    if (sent.size() >= h2::kPreface.size()) frames_.read(sent.substr(h2::kPreface.size()));
  }
  void on_ready() override {}
  void on_idle() override {}
  void on_draining() override {}
  void on_closed(Error) override { loop_.retire(std::move(holder_)); }

  Loop& loop_;
  Arena arena_;
  h2::Shared shared_{loop_};
  MemoryTransport transport_;
  h2::FrameReader frames_;
  std::unique_ptr<Holder> holder_;
};

using H2Roles = ::testing::Types<H2Server, H2Client>;
INSTANTIATE_TYPED_TEST_SUITE_P(H2, StreamLaws, H2Roles);

}  // namespace
}  // namespace aralez::testing
