#pragma once

#include <gtest/gtest.h>

#include "codec/h1/server_codec.h"
#include "support/memory_transport.h"
#include "support/stream_recorder.h"

namespace aralez::testing {

/// A server codec whose client is the test, and whose owner answers when the test says so.
class ServerCodecTest : public ::testing::Test, private h1::ServerEvents {
 protected:
  ServerCodecTest() {
    transport_.attach(codec_);
    codec_.start();
  }
  void send(std::string_view bytes, std::size_t at_once = std::string_view::npos) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(at_once, bytes.size()))) {
      transport_.peer_sends(bytes.substr(0, at_once));
      settle();
    }
  }
  void turn() {
    transport_.turn();
    loop_.run_deferred();
    loop_.finish_turn();
  }
  void settle() {
    for (int i = 0; i < 4; ++i) turn();
  }
  void ask(std::string_view fields = "", std::string_view version = "1.1") {
    transport_.peer_sends("GET / HTTP/" + std::string(version) + "\r\nHost: a\r\n" +
                          std::string(fields) + "\r\n");
    settle();
  }
  void answer(std::uint16_t status = 200) {
    owner_.send_head({.status = status, .length = BodyLength::of(0)}, End::yes);
    owner_.detach();
  }
  /// Time passes, and nothing that the client has sent is read before.
  void pass(Millis time) {
    loop_.set_now(loop_.now() + time);
    loop_.timers().advance(loop_.now());
  }
  /// The client reads `n` bytes every second.
  void read_for(int seconds, std::size_t n) {
    for (int i = 0; i < seconds && !transport_.closed(); ++i) {
      pass(std::chrono::seconds{1});
      transport_.peer_takes(n);
      turn();
    }
  }

  static constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  Loop loop_{TimePoint{} + std::chrono::hours{1}};
  MemoryTransport transport_{loop_};
  Limits limits_;
  h1::HeadScratch scratch_;
  h1::ServerCodec codec_{transport_, *this, scratch_, limits_};
  Recorder owner_;
  int requests_ = 0;
  int refused_ = 0;  ///< status
  std::size_t refusals_ = 0;

  StreamEvents& on_stream(Stream& stream) override {
    ++requests_;
    owner_ = Recorder();
    owner_.attach(stream);
    return owner_;
  }
  void on_refused(const h1::HeadError& error, Head*) override {
    refused_ = error.status;
    ++refusals_;
  }
  void on_closed() override {}
};

}  // namespace aralez::testing
