#include "codec/h1/client_codec.h"
#include "codec/h1/server_codec.h"
#include "support/http1_text.h"
#include "support/stream_laws.h"

namespace aralez::testing {
namespace {

std::string framed(PeerBody kind, std::string_view body, std::string_view trailers) {
  std::string out;
  switch (kind) {
    case PeerBody::length:
      return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    case PeerBody::until_end: return "Connection: close\r\n\r\n" + std::string(body);
    case PeerBody::chunked: break;
  }
  out = "Transfer-Encoding: chunked\r\n\r\n";
  constexpr std::string_view kHex = "0123456789abcdef";
  for (std::size_t at = 0; at < body.size();) {
    const auto part = body.substr(at, 1 + at % 13);
    out += kHex[part.size()];
    out.append("\r\n").append(part).append("\r\n");
    at += part.size();
  }
  return out.append("0\r\n").append(trailers).append("\r\n");
}

/// What the two roles have in common: a codec that dies the way it does in the program.
template <class Codec>
class H1Adapter {
 public:
  explicit H1Adapter(Loop& loop) : loop_(loop), arena_(loop.blocks()), transport_(loop) {}

  MemoryTransport& transport() { return transport_; }
  [[nodiscard]] bool codec_alive() const { return alive_; }
  static std::size_t head_size(std::string_view message) { return message.find("\r\n\r\n") + 4; }
  [[nodiscard]] bool aborted() const { return transport_.closed() == Transport::CloseMode::abort; }

 protected:
  struct Holder final : Retired {
    template <class... Args>
    explicit Holder(bool& a, Args&&... args) : alive(a), codec(std::forward<Args>(args)...) {
      alive = true;
    }
    ~Holder() override { alive = false; }
    bool& alive;
    Codec codec;
  };

  template <class... Args>
  void make(Args&&... args) {
    holder_ = std::make_unique<Holder>(alive_, transport_, std::forward<Args>(args)...);
    transport_.attach(holder_->codec);
  }
  void retire() { loop_.retire(std::move(holder_)); }
  Codec& codec() { return holder_->codec; }

  Loop& loop_;
  Arena arena_;
  MemoryTransport transport_;
  h1::HeadScratch scratch_;
  bool alive_ = false;
  std::unique_ptr<Holder> holder_;
};

class H1Server final : public H1Adapter<h1::ServerCodec>, private h1::ServerEvents {
 public:
  static constexpr std::array kPeerBodies{PeerBody::length, PeerBody::chunked};
  static constexpr bool speaks_first() { return false; }

  explicit H1Server(Loop& loop) : H1Adapter(loop) {
    ServerEvents& owner = *this;
    make(owner, scratch_, limits_);
  }
  void open(Recorder& r) {
    recorder_ = &r;
    codec().start();
  }
  /// A FIN inside of a message says it as well.
  [[nodiscard]] bool aborted() const {
    return H1Adapter::aborted() || (transport_.ended() && !received());
  }
  Head own_head(BodyLength length) { return {.status = 200, .length = length}; }
  static std::string peer_message(PeerBody kind, std::string_view body, std::string_view trailers) {
    return "POST /x HTTP/1.1\r\nHost: a\r\n" + framed(kind, body, trailers);
  }
  [[nodiscard]] std::optional<std::string> received() const {
    const auto m = read_http1(transport_.sent(), Http1Rest::until_end, transport_.ended());
    return m.complete() ? std::optional(m.body) : std::nullopt;
  }

 private:
  StreamEvents& on_stream(Stream& stream) override {
    recorder_->attach(stream);
    return *recorder_;
  }
  void on_refused(const h1::HeadError&, Head*) override {}
  void on_closed() override { retire(); }

  Limits limits_;
  Recorder* recorder_ = nullptr;
};

class H1Client final : public H1Adapter<h1::ClientCodec>, private h1::ClientEvents {
 public:
  static constexpr std::array kPeerBodies{PeerBody::length, PeerBody::chunked, PeerBody::until_end};
  static constexpr bool speaks_first() { return true; }

  explicit H1Client(Loop& loop) : H1Adapter(loop) {
    ClientEvents& owner = *this;
    make(owner, scratch_);
  }
  void open(Recorder& r) { r.attach(codec().open_stream(r)); }
  Head own_head(BodyLength length) {
    Head head{.method = Method::post, .length = length, .method_text = "POST", .target = "/x"};
    head.fields.add(arena_, {"Host", "a", FieldId::host});
    return head;
  }
  static std::string peer_message(PeerBody kind, std::string_view body, std::string_view trailers) {
    return "HTTP/1.1 200 OK\r\n" + framed(kind, body, trailers);
  }
  [[nodiscard]] std::optional<std::string> received() const {
    const auto m = read_http1(transport_.sent(), Http1Rest::none, transport_.ended());
    return m.complete() ? std::optional(m.body) : std::nullopt;
  }

 private:
  void on_connected() override {}
  void on_reusable() override {}
  void on_closed(Error) override { retire(); }
};

using H1Roles = ::testing::Types<H1Server, H1Client>;
INSTANTIATE_TYPED_TEST_SUITE_P(H1, StreamLaws, H1Roles);

}  // namespace
}  // namespace aralez::testing
