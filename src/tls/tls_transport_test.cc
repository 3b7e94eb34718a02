#include "support/file_bytes.h"
#include "tls/tls_transport_fixture_test.h"

namespace aralez {
namespace {

using ::testing::ElementsAre;
using testing::FileBytes;

INSTANTIATE_TEST_SUITE_P(versions, TlsTransportTest,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION, kOwnRecords));

TEST_P(TlsTransportTest, a_handshake_tells_protocol_name_and_version) {
  connect(GetParam());
  EXPECT_EQ(server_->tls.alpn(), "h2");
  EXPECT_EQ(client_->tls.alpn(), "h2");
  EXPECT_EQ(server_->tls.server_name(), "a.test");
  EXPECT_EQ(server_->tls.tls_version(), GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
  EXPECT_FALSE(server_->tls.handshaking());
  EXPECT_EQ(server_->tls.native() == nullptr, GetParam() == kOwnRecords);
}

TEST_P(TlsTransportTest, bytes_go_both_ways_one_at_a_time) {
  make_both(GetParam());
  carry(1);
  client_->put("question", loop_);
  server_->put("answer", loop_);
  carry(1);
  EXPECT_EQ(server_->above.got, "question");
  EXPECT_EQ(client_->above.got, "answer");
  EXPECT_EQ(client_->above.credit, 8U);
  EXPECT_EQ(client_->above.drained, 1);
}

TEST_P(TlsTransportTest, large_transfers_both_ways_at_once) {
  connect(GetParam());
  const std::string up = pattern(3'000'000);
  const std::string down = pattern(5'000'001);
  client_->put(up, loop_);
  server_->put(down, loop_);
  carry();
  EXPECT_TRUE(server_->above.got == up);
  EXPECT_TRUE(client_->above.got == down);
  EXPECT_EQ(server_->above.credit, down.size());
  EXPECT_EQ(client_->above.credit, up.size());
  EXPECT_EQ(server_->tls.output_bytes(), 0U);
}

TEST_P(TlsTransportTest, what_is_queued_before_the_handshake_leaves_after_it) {
  make_both(GetParam());
  client_->put("early", loop_);
  client_->tls.start_recv();
  carry();
  EXPECT_EQ(server_->above.got, "early");
  EXPECT_EQ(client_->above.credit, 5U);
}

TEST_P(TlsTransportTest, a_request_in_the_flight_that_ends_the_handshake_is_seen) {
  make_both(GetParam());
  client_->put("request", loop_);
  loop_.run_deferred();
  while (server_->above.got.empty()) ASSERT_TRUE(turn());
  EXPECT_EQ(server_->above.got, "request");
}

TEST_P(TlsTransportTest, head_and_body_are_one_record) {
  connect(GetParam());
  static_cast<void>(server_->take());
  server_->tls.queue_copy("head\r\n\r\n");
  server_->put(pattern(9'000), loop_);
  loop_.run_deferred();
  EXPECT_THAT(records(server_->take()), ElementsAre(23));
}

TEST_P(TlsTransportTest, small_pieces_fill_records_of_sixteen_kib) {
  connect(GetParam());
  static_cast<void>(server_->take());
  for (int i = 0; i < 8; ++i) {
    server_->tls.queue_copy("frame hdr");
    server_->put(pattern(4'000), loop_);
  }
  loop_.run_deferred();
  EXPECT_THAT(records(server_->take()), ElementsAre(23, 23));
}

TEST_P(TlsTransportTest, encrypts_no_more_than_a_little_ahead_of_a_peer_that_does_not_read) {
  connect(GetParam());
  server_->lower.peer_takes(0);
  server_->put(pattern(1'000'000), loop_);
  loop_.run_deferred();
  EXPECT_LE(server_->lower.output_bytes(), 64U * 1024 + 17 * 1024);
  EXPECT_GE(server_->tls.output_bytes(), 1'000'000U);
  EXPECT_EQ(server_->above.drained, 0);
  server_->lower.peer_takes(static_cast<std::size_t>(-1));
  carry();
  EXPECT_TRUE(client_->above.got == pattern(1'000'000));
  EXPECT_EQ(server_->above.drained, 1);
}

TEST_P(TlsTransportTest, stops_receiving_when_asked_and_goes_on_when_asked) {
  connect(GetParam());
  server_->above.stop_at = 1;
  client_->put(pattern(200'000), loop_);
  carry();
  EXPECT_LE(server_->above.got.size(), 17'000U);
  EXPECT_TRUE(server_->tls.input_waiting());
  server_->above.stop_at = 0;
  server_->tls.start_recv();
  carry();
  EXPECT_TRUE(server_->above.got == pattern(200'000));
}

TEST_P(TlsTransportTest, files_are_read_into_records) {
  connect(GetParam());
  const std::string text = pattern(50'000);
  server_->tls.queue_copy("head");
  server_->tls.queue(Piece::file(KernelRef(new FileBytes(text)), 10, text.size() - 20));
  carry();
  EXPECT_TRUE(client_->above.got == "head" + text.substr(10, text.size() - 20));
  EXPECT_EQ(server_->above.credit, text.size() - 20);
}

TEST_P(TlsTransportTest, a_file_that_became_shorter_breaks_the_connection) {
  connect(GetParam());
  server_->tls.queue(Piece::file(KernelRef(new FileBytes("short")), 0, 100));
  carry();
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "broken"));
  client_->lower.peer_ends();
  carry();
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "broken"));
}

class TlsTicketTest : public TlsTransportTest {
 protected:
  /// The client has what it needs, the server has heard so.
  void connect_only() {
    make_both(kOwnRecords);
    loop_.run_deferred();
    while (server_->above.told.empty()) ASSERT_TRUE(turn());
    loop_.run_deferred();
  }
};
INSTANTIATE_TEST_SUITE_P(version, TlsTicketTest, ::testing::Values(kOwnRecords));

TEST_P(TlsTicketTest, leaves_with_the_first_answer) {
  connect_only();
  EXPECT_EQ(server_->take(), "");
  server_->put("answer", loop_);
  loop_.run_deferred();
  const std::string out = server_->take();
  EXPECT_THAT(records(out), ElementsAre(23, 23, 23)) << "two tickets, which is the default";
  client_->lower.peer_sends(out);
  carry();
  EXPECT_EQ(client_->above.got, "answer");
}

TEST_P(TlsTicketTest, leaves_by_itself_when_no_request_comes) {
  connect_only();
  loop_.set_now(TimePoint{} + Millis(19));
  loop_.finish_turn();
  loop_.run_deferred();
  EXPECT_EQ(server_->take(), "");
  loop_.set_now(TimePoint{} + Millis(40));
  loop_.finish_turn();
  loop_.run_deferred();
  EXPECT_THAT(records(server_->take()), ElementsAre(23, 23));
  server_->put("answer", loop_);
  loop_.run_deferred();
  EXPECT_THAT(records(server_->take()), ElementsAre(23));
}

TEST_P(TlsTicketTest, leaves_before_the_alert_of_a_close) {
  for (const bool polite : {true, false}) {
    connect_only();
    if (polite)
      server_->tls.close(Transport::CloseMode::normal);
    else
      server_->tls.shutdown_write();
    carry();
    EXPECT_THAT(client_->above.told, ElementsAre("connected", "end")) << polite;
  }
}

TEST_P(TlsTicketTest, leaves_before_the_alert_of_an_error) {
  connect_only();
  server_gets(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  EXPECT_THAT(records(server_->take()), ElementsAre(23, 23, 23));
}

}  // namespace
}  // namespace aralez
