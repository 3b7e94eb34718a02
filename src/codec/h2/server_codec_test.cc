#include "codec/h2/server_codec_fixture_test.h"
#include "codec/h2/websocket.h"

namespace aralez::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(H2ServerCodec, a_request_becomes_a_neutral_head) {
  greet();
  send(h2::headers(1,
                   {{":method", "GET"},
                    {":scheme", "https"},
                    {":authority", "a.test"},
                    {":path", "/x?y"},
                    {"accept", "*/*"},
                    {"cookie", "a=1"},
                    {"te", "trailers"},
                    {"x_odd", "1"},
                    {"cookie", "b=2"}},
                   h2::flag::kEndStream));
  ASSERT_EQ(owners_.size(), 1U);
  EXPECT_EQ(owner().method, "GET");
  EXPECT_EQ(owner().target, "/x?y");
  EXPECT_EQ(owner().scheme, "https");
  EXPECT_EQ(owner().authority, "a.test");
  EXPECT_EQ(owner().fields, "accept: */*\ncookie: a=1; b=2\nx_odd: 1 _\n");
  EXPECT_EQ(owner().length.kind, BodyLength::Kind::none);
  EXPECT_TRUE(owner().ended);
  owner().answer(loop_.blocks(), "hello");
  owner().detach();
  settle();
  EXPECT_THAT(frames_.heads(1), ElementsAre(":status: 200\ncontent-length: 5\n"));
  EXPECT_EQ(frames_.body(1), "hello");
  EXPECT_TRUE(frames_.ended(1));
  EXPECT_FALSE(frames_.reset(1));
  EXPECT_EQ(codec_->streams(), 0U);
}

TEST_F(H2ServerCodec, many_requests_are_answered_in_any_order) {
  greet();
  std::string all;
  for (std::uint32_t id = 1; id < 200; id += 2) all += h2::get(id, "/" + std::to_string(id));
  send(all);
  ASSERT_EQ(owners_.size(), 100U);
  for (std::size_t i = 100; i-- > 0;) {
    owner(i).answer(loop_.blocks(), owner(i).target);
    owner(i).detach();
  }
  settle();
  for (std::uint32_t id = 1; id < 200; id += 2)
    EXPECT_EQ(frames_.body(id), "/" + std::to_string(id));
  EXPECT_EQ(codec_->streams(), 0U);
}

TEST_F(H2ServerCodec, frames_of_one_turn_leave_together) {
  greet();
  send(h2::get(1) + h2::get(3));
  const std::size_t before = transport_.sent().size();
  owner(0).answer(loop_.blocks(), "a");
  owner(1).answer(loop_.blocks(), "b");
  EXPECT_EQ(transport_.sent().size(), before) << "written before the turn has ended";
  settle();
  EXPECT_EQ(frames_.body(1) + frames_.body(3), "ab");
}

struct BadHead {
  std::string_view name;
  std::vector<std::pair<std::string, std::string>> lines;
  std::optional<int> status;  ///< none: a stream error
};

/// Threats rows 6, 15, 16, 17: what cannot be read in one way only goes nowhere.
TEST_F(H2ServerCodec, refuses_malformed_heads) {
  greet();
  const std::vector<BadHead> bad{
      {"capitals in a name", {kM, kS, kA, kP, {"X-A", "1"}}, {}},
      {"empty name", {kM, kS, kA, kP, {"", "1"}}, {}},
      {"blank in a name", {kM, kS, kA, kP, {"x a", "1"}}, {}},
      {"colon in a name", {kM, kS, kA, kP, {"x:a", "1"}}, {}},
      {"CR LF in a value", {kM, kS, kA, kP, {"x", "1\r\nhost: evil"}}, {}},
      {"NUL in a value", {kM, kS, kA, kP, {"x", std::string("1\0", 2)}}, {}},
      {"blank before a value", {kM, kS, kA, kP, {"x", " 1"}}, {}},
      {"line end in the path", {kM, kS, kA, {":path", "/ HTTP/1.1\r\nx: y"}}, {}},
      {"blank in the path", {kM, kS, kA, {":path", "/a b"}}, {}},
      {"fragment", {kM, kS, kA, {":path", "/a#b"}}, {}},
      {"path that is none", {kM, kS, kA, {":path", "a"}}, {}},
      {"empty path", {kM, kS, kA, {":path", ""}}, {}},
      {"star for GET", {kM, kS, kA, {":path", "*"}}, {}},
      {"method with a blank", {{":method", "GET /x"}, kS, kA, kP}, {}},
      {"no method", {kS, kA, kP}, {}},
      {"no scheme", {kM, kA, kP}, {}},
      {"other scheme", {kM, {":scheme", "ftp"}, kA, kP}, {}},
      {"no path", {kM, kS, kA}, {}},
      {"path twice", {kM, kS, kA, kP, kP}, {}},
      {"authority twice", {kM, kS, kA, kP, kA}, {}},
      {"pseudo-header behind a field", {kM, kS, kA, {"x", "1"}, kP}, {}},
      {"pseudo-header behind framing", {kM, kS, kA, {"content-length", "0"}, kP}, {}},
      {"pseudo-header behind TE", {kM, kS, kA, {"te", "trailers"}, kP}, {}},
      {"unknown pseudo-header", {kM, kS, kA, kP, {":x", "1"}}, {}},
      {"status in a request", {kM, kS, kA, kP, {":status", "200"}}, {}},
      {"two Hosts", {kM, kS, kA, kP, {"host", "a"}, {"host", "a"}}, {}},
      {"connection", {kM, kS, kA, kP, {"connection", "x-forwarded-for"}}, {}},
      {"keep-alive", {kM, kS, kA, kP, {"keep-alive", "1"}}, {}},
      {"proxy-connection", {kM, kS, kA, kP, {"proxy-connection", "close"}}, {}},
      {"transfer-encoding", {kM, kS, kA, kP, {"transfer-encoding", "chunked"}}, {}},
      {"upgrade", {kM, kS, kA, kP, {"upgrade", "h2c"}}, {}},
      {"te", {kM, kS, kA, kP, {"te", "gzip"}}, {}},
      {"length twice", {kM, kS, kA, kP, {"content-length", "0"}, {"content-length", "0"}}, {}},
      {"length with a sign", {kM, kS, kA, kP, {"content-length", "+0"}}, {}},
      {"length without a body", {kM, kS, kA, kP, {"content-length", "5"}}, {}},
      {"CONNECT with a path", {{":method", "CONNECT"}, kS, kA, kP}, {}},
      {"protocol without CONNECT", {kM, {":protocol", "websocket"}, kS, kA, kP}, {}},
      {"no authority", {kM, kS, kP}, 400},
      {"other expectation", {kM, kS, kA, kP, {"expect", "magic"}}, 417},
      {"long path", {kM, kS, kA, {":path", "/" + std::string(20'000, 'x')}}, 414},
      {"h2c as protocol", {{":method", "CONNECT"}, {":protocol", "h2c"}, kS, kA, kP}, 501},
  };
  std::uint32_t id = 1;
  for (const BadHead& b : bad) {
    SCOPED_TRACE(b.name);
    const std::string block = h2::block(b.lines);
    std::string frames = h2::frame(h2::FrameType::headers, h2::flag::kEndStream, id,
                                   std::string_view(block).substr(0, 16'000));
    frames += h2::frame(h2::FrameType::continuation, h2::flag::kEndHeaders, id,
                        block.size() > 16'000 ? std::string_view(block).substr(16'000) : "");
    send(frames);
    EXPECT_TRUE(owners_.empty());
    if (b.status) {
      ASSERT_EQ(frames_.heads(id).size(), 1U);
      EXPECT_THAT(frames_.heads(id)[0], HasSubstr(":status: " + std::to_string(*b.status)));
    } else {
      EXPECT_EQ(frames_.reset(id), h2::ErrorCode::protocol_error);
    }
    id += 2;
  }
  EXPECT_EQ(refused_.size(), bad.size());
  EXPECT_FALSE(frames_.goaway());
  send(h2::get(id));
  EXPECT_EQ(owners_.size(), 1U) << "the connection is as good as before";
}

TEST_F(H2ServerCodec, an_extended_connect_is_an_upgrade_whose_bytes_wait_for_the_101) {
  greet();
  send(h2::headers(1, {{":method", "CONNECT"},
                       {":protocol", "websocket"},
                       {":scheme", "http"},
                       {":authority", "a"},
                       {":path", "/chat"},
                       {"sec-websocket-version", "13"}}) +
       h2::data(1, "early"));
  ASSERT_EQ(owners_.size(), 1U);
  EXPECT_EQ(owner().method, "GET");
  EXPECT_EQ(owner().upgrade, "websocket");
  EXPECT_TRUE(owner().ended);
  const auto at = owner().fields.find("sec-websocket-key: ");
  ASSERT_NE(at, std::string::npos);
  const auto key = owner().fields.substr(at + 19, h2::kWebSocketKey);
  const auto accept = h2::websocket_accept(key);
  owner().stream->grant(1000);
  settle();
  EXPECT_EQ(owner().body, "") << "nothing before the tunnel";
  std::array<Field, 1> field{Field{"Sec-WebSocket-Accept", {accept.data(), accept.size()}}};
  Head head{.status = 101, .upgrade = "websocket"};
  head.fields = Fields(field, 1);
  owner().stream->send_head(head, End::no);
  owner().send(loop_.blocks(), "welcome", End::no);
  settle();
  EXPECT_THAT(frames_.heads(1), ElementsAre(":status: 200\n"));
  EXPECT_EQ(owner().body, "early");
  EXPECT_EQ(frames_.body(1), "welcome");
  send(h2::data(1, "bye", h2::flag::kEndStream));
  EXPECT_EQ(owner().body, "earlybye");
  owner().send(loop_.blocks(), "", End::yes);
  owner().detach();
  settle();
  EXPECT_TRUE(frames_.ended(1));
}

/// Threats row 18.
TEST_F(H2ServerCodec, a_tunnel_that_its_server_did_not_prove_is_refused) {
  for (const std::uint16_t status : {101, 200}) {
    SCOPED_TRACE(status);
    const std::uint32_t id = status == 101 ? 1 : 3;
    if (id == 1) greet();
    send(h2::headers(id, {{":method", "CONNECT"},
                          {":protocol", "websocket"},
                          {":scheme", "http"},
                          {":authority", "a"},
                          {":path", "/"}}));
    Owner& o = *owners_.back();
    o.stream->send_head({.status = status, .upgrade = status == 101 ? "websocket" : ""}, End::no);
    settle();
    if (status == 101) {
      EXPECT_TRUE(o.reset);
      EXPECT_EQ(frames_.reset(id), h2::ErrorCode::connect_error);
      EXPECT_TRUE(frames_.heads(id).empty());
    } else {
      EXPECT_THAT(frames_.heads(id), ElementsAre(":status: 502\n"));
      EXPECT_TRUE(frames_.ended(id));
    }
  }
}

TEST_F(H2ServerCodec, an_answer_to_head_and_those_without_body_end_with_their_head) {
  greet();
  send(h2::headers(1,
                   {{":method", "HEAD"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}},
                   h2::flag::kEndStream) +
       h2::get(3) + h2::get(5));
  owner(0).answer(loop_.blocks(), "hello");
  owner(1).stream->send_head({.status = 204}, End::yes);
  owner(2).stream->send_head({.status = 304, .length = BodyLength::of(7)}, End::yes);
  settle();
  EXPECT_EQ(owner(0).settled, 5U);
  EXPECT_THAT(frames_.heads(1), ElementsAre(":status: 200\ncontent-length: 5\n"));
  EXPECT_THAT(frames_.heads(3), ElementsAre(":status: 204\n"));
  EXPECT_THAT(frames_.heads(5), ElementsAre(":status: 304\ncontent-length: 7\n"));
  EXPECT_TRUE(frames_.of(h2::FrameType::data).empty());
  for (const std::uint32_t id : {1U, 3U, 5U}) EXPECT_TRUE(frames_.ended(id));
}

TEST_F(H2ServerCodec, interim_answers_and_trailers_pass) {
  greet();
  send(h2::get(1));
  owner().stream->send_head({.status = 103}, End::no);
  owner().stream->send_head({.status = 200, .length = BodyLength::until_end()}, End::no);
  owner().send(loop_.blocks(), "x", End::no);
  std::array<Field, 1> field{Field{"Grpc-Status", "0"}};
  owner().stream->send_trailers(Fields(field, 1));
  settle();
  EXPECT_THAT(frames_.heads(1),
              ElementsAre(":status: 103\n", ":status: 200\n", "grpc-status: 0\n"));
  EXPECT_TRUE(frames_.ended(1));
}

TEST_F(H2ServerCodec, an_early_answer_is_whole_and_then_the_request_is_not_wanted) {
  greet();
  post(1);
  owner().answer(loop_.blocks(), std::string(100'000, 'x'));  // more than the window
  owner().detach();
  settle();
  EXPECT_FALSE(frames_.reset(1));
  EXPECT_EQ(codec_->streams(), 1U);
  send(h2::data(1, "more") + h2::window_update(0, 100'000) + h2::window_update(1, 100'000));
  EXPECT_EQ(frames_.body(1).size(), 100'000U);
  EXPECT_TRUE(frames_.ended(1));
  EXPECT_EQ(frames_.reset(1), h2::ErrorCode::no_error);
  EXPECT_EQ(codec_->streams(), 0U);
  send(h2::data(1, "under way"));
  EXPECT_FALSE(frames_.goaway());
}

TEST_F(H2ServerCodec, windows_hold_bodies_back_and_streams_take_turns) {
  greet();
  send(h2::settings({{h2::SettingId::initial_window_size, 150'000}}) +
       h2::window_update(0, 1'000'000) + h2::get(1) + h2::get(3));
  const std::string body(200'000, 'x');
  transport_.peer_takes(0);
  owner(0).answer(loop_.blocks(), body);
  owner(1).answer(loop_.blocks(), body);
  EXPECT_LE(transport_.output_bytes(), 96U * 1024) << "more framed than can be overtaken";
  transport_.peer_takes(180'000);
  settle();
  EXPECT_GT(frames_.body(1).size(), 70'000U);
  EXPECT_GT(frames_.body(3).size(), 40'000U);
  EXPECT_EQ(owner(0).settled, frames_.body(1).size());
  transport_.peer_takes(1'000'000);
  settle();
  EXPECT_EQ(frames_.body(1).size(), 150'000U);
  EXPECT_EQ(frames_.body(3).size(), 150'000U);
  send(h2::window_update(3, 50'000));
  EXPECT_TRUE(frames_.ended(3));
  EXPECT_FALSE(frames_.ended(1));
}

TEST_F(H2ServerCodec, a_change_of_the_initial_window_moves_the_open_ones) {
  greet();
  send(h2::settings({{h2::SettingId::initial_window_size, 10}}) + h2::get(1));
  owner().answer(loop_.blocks(), std::string(100, 'x'));
  settle();
  EXPECT_EQ(frames_.body(1).size(), 10U);
  send(h2::settings({{h2::SettingId::initial_window_size, 4}}));
  send(h2::window_update(1, 6));
  EXPECT_EQ(frames_.body(1).size(), 10U) << "the window is negative, then zero";
  send(h2::window_update(1, 5));
  EXPECT_EQ(frames_.body(1).size(), 15U);
  send(h2::settings({{h2::SettingId::initial_window_size, 1000}}));
  EXPECT_TRUE(frames_.ended(1));
}

TEST_F(H2ServerCodec, grants_become_window_updates_worth_their_frame) {
  greet();
  post(1);
  owner().stream->grant(64 * 1024);
  settle();
  EXPECT_TRUE(frames_.of(h2::FrameType::window_update, 1).empty()) << "the first window is there";
  owner().stream->grant(192 * 1024);
  settle();
  ASSERT_EQ(frames_.of(h2::FrameType::window_update, 1).size(), 1U);
  EXPECT_EQ(h2::read_u32(frames_.of(h2::FrameType::window_update, 1)[0].payload),
            256U * 1024 - 65'535);
  owner().give_back = true;
  for (int i = 0; i < 64; ++i) send(h2::data(1, std::string(16'384, 'x')));
  EXPECT_EQ(owner().body.size(), 1024U * 1024);
  EXPECT_LE(frames_.of(h2::FrameType::window_update, 1).size(), 34U);
  EXPECT_GE(frames_.of(h2::FrameType::window_update, 0).size(), 2U);
}

TEST_F(H2ServerCodec, bodies_and_their_length_agree) {
  greet();
  const auto announce = [this](std::uint32_t id) {
    send(h2::headers(id, {{":method", "POST"},
                          {":scheme", "http"},
                          {":authority", "a"},
                          {":path", "/"},
                          {"content-length", "5"}}));
    owners_.back()->stream->grant(100);
  };
  announce(1);
  send(h2::data(1, "abcdef"));
  EXPECT_EQ(owner(0).reset, ResetCode::protocol);
  EXPECT_EQ(owner(0).body, "");
  announce(3);
  send(h2::data(3, "abcd", h2::flag::kEndStream));
  EXPECT_EQ(owner(1).reset, ResetCode::protocol);
  EXPECT_FALSE(owner(1).ended);
  announce(5);
  send(h2::data(5, "abcde") + h2::data(5, "", h2::flag::kEndStream));
  EXPECT_TRUE(owner(2).ended);
  EXPECT_EQ(owner(2).body, "abcde");
  EXPECT_EQ(reasons(), "bad_framing bad_framing ");
}

TEST_F(H2ServerCodec, the_peer_keeps_to_its_windows) {
  greet();
  post(1);
  for (int i = 0; i < 4; ++i) send(h2::data(1, std::string(16'384, 'x')));
  EXPECT_EQ(frames_.reset(1), h2::ErrorCode::flow_control_error);
  EXPECT_FALSE(frames_.goaway());
  EXPECT_EQ(loop_.blocks().outstanding(), 0U) << "what was held for it is gone";
}

TEST_F(H2ServerCodec, drains_in_two_steps_and_answers_what_was_under_way) {
  greet();
  send(h2::get(1));
  codec_->drain();
  settle();
  const auto first = frames_.of(h2::FrameType::goaway);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(h2::read_u32(first[0].payload), h2::kMaxStreamId);
  send(h2::get(3));  // sent before the client knew
  ASSERT_EQ(owners_.size(), 2U);
  const auto pings = frames_.of(h2::FrameType::ping);
  ASSERT_EQ(pings.size(), 1U);
  send(h2::frame(h2::FrameType::ping, h2::flag::kAck, 0, pings[0].payload));
  ASSERT_EQ(frames_.of(h2::FrameType::goaway).size(), 2U);
  EXPECT_EQ(h2::read_u32(frames_.of(h2::FrameType::goaway)[1].payload), 3U);
  send(h2::get(5));
  EXPECT_EQ(owners_.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    owner(i).answer(loop_.blocks(), "done");
    owner(i).detach();
  }
  settle();
  EXPECT_EQ(frames_.body(1) + frames_.body(3), "donedone");
  EXPECT_TRUE(transport_.ended());
  transport_.peer_ends();
  settle();
  EXPECT_TRUE(closed_);
}

TEST_F(H2ServerCodec, drains_without_an_answer_to_its_ping) {
  greet();
  codec_->drain();
  pass(Millis{1'500});
  EXPECT_EQ(frames_.of(h2::FrameType::goaway).size(), 2U);
  pass(Millis{5'000});
  EXPECT_TRUE(closed_);
}

}  // namespace
}  // namespace aralez::testing
