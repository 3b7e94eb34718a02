// How connections over TLS end: well, cut off, refused, in the middle of a handshake.

#include "tls/tls_transport_fixture_test.h"

namespace aralez {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(TlsTransportTest, an_end_is_told_after_what_came_before_it) {
  connect(GetParam());
  client_->put("last", loop_);
  client_->tls.shutdown_write();
  carry();
  EXPECT_EQ(server_->above.got, "last");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "end"));
  EXPECT_TRUE(client_->lower.ended());
  // The other direction goes on.
  server_->put("still here", loop_);
  server_->tls.shutdown_write();
  carry();
  EXPECT_EQ(client_->above.got, "still here");
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, an_end_that_nobody_was_receiving_is_told_later) {
  connect(GetParam());
  server_->above.stop_at = 1;
  client_->put("last", loop_);
  client_->tls.shutdown_write();
  carry();
  EXPECT_THAT(server_->above.told, ElementsAre("connected"));
  EXPECT_TRUE(server_->tls.input_waiting());
  server_->tls.start_recv();
  carry();
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, bytes_after_the_end_are_dropped) {
  connect(GetParam());
  client_->tls.shutdown_write();
  loop_.run_deferred();
  server_gets(client_->take());
  server_->tls.start_recv();
  loop_.run_deferred();
  server_gets(pattern(100'000));
  EXPECT_EQ(server_->above.got, "");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, a_client_that_just_closes_has_ended) {
  connect(GetParam());
  client_->put("request", loop_);
  carry();
  server_->lower.peer_ends();
  carry();
  EXPECT_EQ(server_->above.got, "request");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, a_server_that_just_closes_was_cut_off) {
  connect(GetParam());
  server_->put("half of an ans", loop_);
  carry();
  client_->lower.peer_ends();
  carry();
  EXPECT_EQ(client_->above.got, "half of an ans");
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "broken"));
  EXPECT_EQ(client_->above.error->code, Errc::reset);
  EXPECT_EQ(client_->above.error->origin, Origin::upstream);
}

TEST_P(TlsTransportTest, a_record_cut_off_breaks_either_role) {
  connect(GetParam());
  client_->put(pattern(5'000), loop_);
  loop_.run_deferred();
  server_gets(client_->take().substr(0, 3'000));
  server_->lower.peer_ends();
  server_->lower.turn();
  EXPECT_EQ(server_->above.got, "");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "broken"));
}

TEST_P(TlsTransportTest, a_changed_byte_breaks_it_after_what_came_before) {
  connect(GetParam());
  client_->put("good", loop_);
  loop_.run_deferred();
  std::string wire = client_->take();
  client_->put("evil", loop_);
  loop_.run_deferred();
  std::string bad = client_->take();
  bad.back() = static_cast<char>(bad.back() ^ 1);
  server_gets(wire + bad);
  loop_.finish_turn();
  EXPECT_EQ(server_->above.got, "good");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "broken"));
  EXPECT_EQ(server_->above.error->code, Errc::protocol);
  // The peer hears of it.
  client_->lower.peer_sends(server_->take());
  client_->lower.turn();
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "broken"));
}

TEST_P(TlsTransportTest, garbage_instead_of_a_handshake_is_one_error) {
  make_both(GetParam());
  using namespace std::string_view_literals;
  server_gets("\x16\x03\x01\x00\x05garbage and more of it"sv);
  loop_.finish_turn();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->origin, Origin::downstream);
  EXPECT_EQ(server_->above.got, "");
  EXPECT_TRUE(server_->lower.closed());
}

TEST_F(TlsTransportTest, who_speaks_http_is_told_that_this_is_tls) {
  make_both();
  server_gets("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  loop_.finish_turn();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  const std::string said = server_->take();
  EXPECT_TRUE(said.starts_with("HTTP/1.1 400 ")) << said;
  const auto body = said.substr(said.find("\r\n\r\n") + 4);
  EXPECT_THAT(said, ::testing::HasSubstr("Content-Length: " + std::to_string(body.size())));
}

TEST_P(TlsTransportTest, plain_text_of_a_server_before_the_handshake_reaches_nobody) {
  make_both(GetParam());
  client_->lower.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad");
  client_->lower.turn();
  loop_.run_deferred();
  EXPECT_EQ(client_->above.got, "");
  EXPECT_THAT(client_->above.told, ElementsAre("broken"));
}

TEST_P(TlsTransportTest, plain_text_in_the_middle_of_a_handshake_reaches_nobody) {
  make_both(GetParam());
  loop_.run_deferred();
  server_gets(client_->take());
  const std::string flight = server_->take();
  ASSERT_GT(flight.size(), 200U);
  for (const std::size_t at : {flight.size() / 2, flight.size()}) {
    Side client(loop_, make(*client_context_, false));
    client.tls.on_connected();
    client.lower.peer_sends(flight.substr(0, at) + "HTTP/1.1 200 OK\r\n\r\n");
    client.lower.turn();
    loop_.run_deferred();
    EXPECT_EQ(client.above.got, "");
  }
}

TEST_P(TlsTransportTest, an_end_in_the_middle_of_a_handshake_is_an_error) {
  make_both(GetParam());
  loop_.run_deferred();
  server_gets(client_->take().substr(0, 50));
  server_->lower.peer_ends();
  server_->lower.turn();
  loop_.run_deferred();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->code, Errc::eof);
}

TEST_P(TlsTransportTest, a_reset_is_passed_on_at_any_time) {
  make_both(GetParam());
  client_->lower.peer_breaks();
  client_->lower.turn();
  EXPECT_THAT(client_->above.told, ElementsAre("broken"));
  connect(GetParam());
  client_->lower.peer_breaks();
  client_->lower.turn();
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "broken"));
}

TEST_F(TlsTransportTest, a_handshake_has_a_deadline) {
  make_both();
  loop_.run_deferred();
  server_gets(client_->take().substr(0, 10));
  loop_.set_now(TimePoint{} + kHandshakeTime + Millis(20));
  loop_.finish_turn();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->code, Errc::timeout);
}

TEST_F(TlsTransportTest, a_refusal_tells_the_peer_why) {
  SSL_CTX_set_min_proto_version(server_context_.get(), TLS1_3_VERSION);
  make_both(TLS1_2_VERSION);
  carry();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->what, "unsupported protocol");
  EXPECT_EQ(client_->above.error->what, "tlsv1 alert protocol version");
}

TEST_F(TlsTransportTest, the_alert_of_a_peer_that_does_not_read_is_given_up) {
  SSL_CTX_set_min_proto_version(server_context_.get(), TLS1_3_VERSION);
  make_both(TLS1_2_VERSION);
  server_->lower.peer_takes(0);
  loop_.run_deferred();
  server_gets(client_->take());
  EXPECT_THAT(server_->above.told, IsEmpty());
  loop_.set_now(TimePoint{} + Millis(1'100));
  loop_.finish_turn();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->what, "unsupported protocol");
}

TEST_P(TlsTransportTest, a_normal_close_says_goodbye) {
  connect(GetParam());
  server_->tls.close(Transport::CloseMode::normal);
  client_->lower.peer_sends(server_->take());
  client_->lower.peer_ends();
  client_->lower.turn();
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, an_abort_says_nothing) {
  connect(GetParam());
  static_cast<void>(server_->take());
  server_->tls.close(Transport::CloseMode::abort);
  EXPECT_EQ(server_->take(), "");
  EXPECT_EQ(server_->lower.closed(), Transport::CloseMode::abort);
}

TEST_P(TlsTransportTest, may_be_closed_by_whoever_receives) {
  connect(GetParam());
  server_->above.close_at = 1;
  client_->put(pattern(100'000), loop_);
  loop_.run_deferred();
  server_gets(client_->take());
  EXPECT_LE(server_->above.got.size(), 17'000U);
  EXPECT_TRUE(server_->lower.closed());
  EXPECT_THAT(server_->above.told, ElementsAre("connected"));
}

TEST_P(TlsTransportTest, idle_connections_hold_no_block) {
  connect(GetParam());
  client_->put("x", loop_);
  server_->put("y", loop_);
  carry();
  EXPECT_EQ(loop_.blocks().outstanding(), 0U);
}

TEST_P(TlsTransportTest, key_updates_of_the_peer_are_followed) {
  if (GetParam() == TLS1_2_VERSION) return;
  connect(GetParam());
  ASSERT_EQ(SSL_key_update(client_->tls.native(), SSL_KEY_UPDATE_REQUESTED), 1);
  client_->put("after", loop_);
  carry();
  server_->put("too", loop_);
  carry();
  EXPECT_EQ(server_->above.got, "after");
  EXPECT_EQ(client_->above.got, "too");
}

TEST_F(TlsTransportTest, renegotiation_is_refused_and_the_connection_goes_on) {
  connect(TLS1_2_VERSION);
  EXPECT_EQ(SSL_renegotiate(client_->tls.native()), 0);
}

TEST_P(TlsTransportTest, a_goodbye_leaves_with_the_last_output) {
  connect(GetParam());
  static_cast<void>(server_->take());
  server_->put("answer", loop_);
  server_->tls.last_output();
  loop_.run_deferred();
  const std::string out = server_->take();
  EXPECT_EQ(records(out).size(), 2U);
  server_->lower.turn();  // all of it has left
  server_->tls.close(Transport::CloseMode::normal);
  EXPECT_EQ(server_->take(), "");
  client_->lower.peer_sends(out);
  carry();
  EXPECT_EQ(client_->above.got, "answer");
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, a_fin_may_still_follow_a_goodbye) {
  connect(GetParam());
  server_->put("answer", loop_);
  server_->tls.last_output();
  loop_.run_deferred();
  server_->tls.shutdown_write();
  server_->tls.shutdown_write();
  carry();
  EXPECT_EQ(client_->above.got, "answer");
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "end"));
  EXPECT_TRUE(server_->lower.ended());
}

}  // namespace
}  // namespace aralez
