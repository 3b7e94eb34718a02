// fuzz-link: tls io
#include <memory>

#include "check.h"
#include "support/memory_transport.h"
#include "tls/self_signed.h"
#include "tls/server_contexts.h"
#include "tls/server_tls.h"

namespace aralez::fuzz {
namespace {

/// The codec that must never be reached: nobody here can finish a handshake.
class Nobody final : public TransportEvents {
 public:
  void on_connected() override { require(false, "no handshake without keys"); }
  ReadBuffer& recv_buffer() override {
    require(false, "no byte before the end of the handshake");
    return none_;
  }
  void on_received() override { require(false, "no byte before the end of the handshake"); }
  void on_spliced(std::size_t) override { require(false, "does not splice"); }
  void on_recv_end() override { require(false, "an end in a handshake is an error"); }
  void on_sent(std::uint64_t, bool) override { require(false, "nothing was queued"); }
  void on_broken(Error e) override {
    require(!broken_, "broken once");
    require(!e.what.empty(), "an error says what is wrong");
    broken_ = true;
  }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  ReadBuffer none_;
  bool broken_ = false;
};

std::shared_ptr<const ServerContexts> contexts() {
  constexpr std::time_t kNow = 1'800'000'000;
  std::vector<CertificateFinding> findings;
  return ServerContexts::make({make_self_signed(kNow)},
                              {.grade = TlsGrade::unsafe, .alpn = AlpnOffer::http2}, kNow,
                              findings);
}

/// The first byte says in what pieces the rest arrives.
void run(std::string_view input) {
  static const auto shared = contexts();
  if (input.empty()) return;
  Loop loop{TimePoint{}};
  {
    ServerTls server(loop, TicketSeed{});
    server.adopt(shared);
    Nobody nobody;
    testing::MemoryTransport lower(loop);
    auto handshake = server.accept();
    require(handshake.has_value(), "there is a certificate");
    TlsTransport tls(lower, nobody, std::move(handshake->ssl), Millis{1'000});
    lower.attach(tls);
    lower.chop(static_cast<unsigned char>(input.front()) + std::size_t{1});
    tls.start();
    loop.run_deferred();
    lower.peer_sends(input.substr(1));
    lower.peer_ends();
    for (int i = 0; i < 3; ++i) {
      lower.turn();
      loop.run_deferred();
      loop.finish_turn();
    }
    require(nobody.broken(), "an end in a handshake is an error");
    require(lower.closed().has_value(), "what is broken is closed");
  }
  require(loop.blocks().outstanding() == 0, "no block stays");
}

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto copy = aralez::fuzz::exact({reinterpret_cast<const char*>(data), size});
  aralez::fuzz::run(aralez::fuzz::view(copy));
  return 0;
}
