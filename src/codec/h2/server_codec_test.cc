#include "codec/h2/server_codec.h"

#include <gmock/gmock.h>

#include <map>

#include "codec/h2/websocket.h"
#include "support/h2_frames.h"
#include "support/memory_transport.h"

namespace aralez::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

TEST_F(H2ServerCodec, steady_traffic_asks_the_allocator_for_nothing) {
  greet();
  const auto exchange = [this](std::uint32_t id) {
    send(h2::get(id));
    owners_.back()->answer(loop_.blocks(), "x");
    owners_.back()->detach();
    settle();
  };
  std::uint32_t id = 1;
  for (int i = 0; i < 300; ++i, id += 2) exchange(id);
  const std::size_t before = shared_.hpack.allocations();
  for (int i = 0; i < 300; ++i, id += 2) exchange(id);
  EXPECT_EQ(shared_.hpack.allocations(), before);
}

struct BadHead {
  std::string_view name;
  std::vector<std::pair<std::string, std::string>> lines;
  std::optional<int> status;  ///< none: a stream error
};
const std::pair<std::string, std::string> kM{":method", "GET"}, kS{":scheme", "http"},
    kA{":authority", "a"}, kP{":path", "/"};

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

// Time.

TEST_F(H2ServerCodec, an_idle_connection_is_told_goodbye) {
  greet();
  send(h2::get(1));
  owner().answer(loop_.blocks(), "x");
  owner().detach();
  pass(limits_.client_idle_timeout - Millis{1'000});
  EXPECT_FALSE(frames_.goaway());
  pass(Millis{2'000});
  EXPECT_EQ(frames_.goaway(), h2::ErrorCode::no_error);
  EXPECT_TRUE(refused_.empty());
}

TEST_F(H2ServerCodec, a_client_that_never_greets_is_cut_off) {
  send(h2::kPreface.substr(0, 10));
  pass(limits_.client_head_timeout + Millis{100});
  pass(Millis{5'000});
  EXPECT_TRUE(closed_);
  EXPECT_EQ(reasons(), "client_head_timeout ");
}

TEST_F(H2ServerCodec, a_head_that_drips_in_has_a_deadline) {
  greet();
  send(h2::frame(h2::FrameType::headers, 0, 1, h2::block({kM, kS})));
  pass(limits_.client_head_timeout + Millis{100});
  EXPECT_EQ(reasons(), "client_head_timeout ");
  EXPECT_TRUE(frames_.goaway());
}

TEST_F(H2ServerCodec, a_request_body_that_hardly_comes_is_answered_408) {
  greet();
  post(1);
  owner().stream->grant(1000);
  for (int i = 0; i < 3; ++i) {
    send(h2::data(1, "x"));
    pass(limits_.client_rate_window + Millis{100});
  }
  EXPECT_EQ(owner().reset, ResetCode::timeout);
  ASSERT_FALSE(frames_.heads(1).empty());
  EXPECT_THAT(frames_.heads(1)[0], HasSubstr(":status: 408"));
  EXPECT_EQ(reasons(), "client_slow ");
}

TEST_F(H2ServerCodec, a_call_may_be_silent_for_long) {
  greet();
  send(h2::headers(1, {{":method", "POST"},
                       {":scheme", "http"},
                       {":authority", "a"},
                       {":path", "/"},
                       {"content-type", "application/grpc+proto"}}));
  owner().stream->grant(1000);
  for (int i = 0; i < 60; ++i) pass(limits_.client_rate_window + Millis{100});
  EXPECT_FALSE(owner().reset);
  for (int i = 0; i < 400; ++i) pass(limits_.client_rate_window + Millis{100});
  EXPECT_TRUE(owner().reset) << "but not for ever";
}

/// Threats row 8: memory held by a window that never opens.
TEST_F(H2ServerCodec, a_window_that_stays_shut_ends_its_stream) {
  greet();
  send(h2::settings({{h2::SettingId::initial_window_size, 0}}) + h2::get(1) + h2::get(3));
  owner(0).answer(loop_.blocks(), "never read");
  for (int i = 0; i < 3; ++i) pass(limits_.client_rate_window + Millis{100});
  EXPECT_TRUE(owner(0).reset);
  EXPECT_EQ(frames_.reset(1), h2::ErrorCode::cancel);
  EXPECT_FALSE(owner(1).reset) << "whose upstream is still thinking";
  EXPECT_EQ(reasons(), "client_slow ");
}

TEST_F(H2ServerCodec, a_client_that_stops_reading_is_reset) {
  greet();
  send(h2::get(1));
  transport_.peer_takes(0);
  owner().answer(loop_.blocks(), std::string(50'000, 'x'));
  for (int i = 0; i < 3 && !closed_; ++i) pass(limits_.client_rate_window + Millis{100});
  EXPECT_TRUE(closed_);
  EXPECT_EQ(transport_.closed(), Transport::CloseMode::abort);
  EXPECT_EQ(owner().reset, ResetCode::timeout);
}

// Floods.

/// Threats row 7.
TEST_F(H2ServerCodec, rapid_resets_end_the_connection) {
  greet();
  std::uint32_t id = 1;
  for (; id < 4000 && !frames_.goaway(); id += 2)
    send(h2::get(id) + h2::rst_stream(id, h2::ErrorCode::cancel));
  EXPECT_EQ(frames_.goaway(), h2::ErrorCode::enhance_your_calm);
  EXPECT_LE(owners_.size(), 210U);
  for (const auto& o : owners_) EXPECT_TRUE(o->reset);
  EXPECT_EQ(reasons(), "h2_resets ");
}

/// Threats row 10: we are made to reset.
TEST_F(H2ServerCodec, resets_that_the_client_provokes_count_as_its_own) {
  greet();
  std::uint32_t id = 1;
  for (; id < 4000 && !frames_.goaway(); id += 2) send(h2::get(id) + h2::window_update(id, 0));
  EXPECT_EQ(frames_.goaway(), h2::ErrorCode::enhance_your_calm);
  EXPECT_LE(owners_.size(), 210U);
  EXPECT_THAT(reasons(), HasSubstr("h2_resets "));
}

TEST_F(H2ServerCodec, more_requests_than_allowed_are_refused_and_may_come_again) {
  greet();
  for (std::uint32_t id = 1; id <= 203; id += 2) send(h2::get(id));
  EXPECT_EQ(owners_.size(), 100U);
  EXPECT_EQ(frames_.reset(201), h2::ErrorCode::refused_stream);
  EXPECT_EQ(reasons(), "h2_refused h2_refused ");
  owner(0).answer(loop_.blocks(), "x");
  owner(0).detach();
  send(h2::get(205));
  EXPECT_EQ(owners_.size(), 101U);
}

/// Threats row 8: what small references unfold to counts, for one head and for all of them.
TEST_F(H2ServerCodec, heads_are_bounded_as_decoded) {
  greet();
  // One line put into the table, then referred to by a byte each.
  std::string block = h2::block({kM, kS, kA, kP});
  block += '\x40';
  block += std::string("\x01x\x7f", 3) + std::string("\x91\x1d", 2) + std::string(3'856, 'v');
  block += std::string(200, '\xbe');
  send(h2::frame(h2::FrameType::headers, h2::flag::kEndHeaders | h2::flag::kEndStream, 1, block));
  EXPECT_TRUE(owners_.empty());
  ASSERT_FALSE(frames_.heads(1).empty()) << reasons();
  EXPECT_THAT(frames_.heads(1)[0], HasSubstr(":status: 431"));
  EXPECT_EQ(reasons(), "head_too_large ");
}

TEST_F(H2ServerCodec, the_heads_of_a_connection_are_bounded_together) {
  greet();
  const std::string value(15'000, 'v');
  std::uint32_t id = 1;
  for (; id < 200; id += 2)
    send(h2::headers(id, {kM, kS, kA, kP, {"x", value}}, h2::flag::kEndStream));
  EXPECT_LT(owners_.size(), 75U);
  EXPECT_GT(owners_.size(), 60U);
  EXPECT_THAT(reasons(), HasSubstr("h2_refused "));
}

TEST_F(H2ServerCodec, too_many_fields_are_answered_431) {
  greet();
  std::vector<std::pair<std::string, std::string>> lines{kM, kS, kA, kP};
  for (int i = 0; i < 129; ++i) lines.emplace_back("x" + std::to_string(i), "1");
  send(h2::frame(h2::FrameType::headers, h2::flag::kEndHeaders | h2::flag::kEndStream, 1,
                 h2::block(lines)));
  ASSERT_FALSE(frames_.heads(1).empty());
  EXPECT_THAT(frames_.heads(1)[0], HasSubstr(":status: 431"));
  EXPECT_EQ(reasons(), "too_many_headers ");
}

/// Threats row 9.
TEST_F(H2ServerCodec, a_header_block_without_end_is_given_up_early) {
  greet();
  send(h2::frame(h2::FrameType::headers, 0, 1, h2::block({kM})));
  const std::string part(16'000, '\x82');
  std::size_t sent = 0;
  for (; sent < 1000 && !frames_.goaway(); ++sent)
    send(h2::frame(h2::FrameType::continuation, 0, 1, part));
  EXPECT_EQ(frames_.goaway(), h2::ErrorCode::enhance_your_calm);
  EXPECT_LE(sent, 5U);
  EXPECT_EQ(reasons(), "head_too_large ");
}

TEST_F(H2ServerCodec, a_header_block_in_crumbs_is_given_up_early) {
  greet();
  send(h2::frame(h2::FrameType::headers, 0, 1, h2::block({kM})));
  std::size_t sent = 0;
  for (; sent < 1000 && !frames_.goaway(); ++sent)
    send(h2::frame(h2::FrameType::continuation, 0, 1, "\x82"));
  EXPECT_EQ(frames_.goaway(), h2::ErrorCode::enhance_your_calm);
  EXPECT_LE(sent, 17U);
}

struct Flood {
  std::string_view name;
  std::string frame;
};
class H2Flood : public H2ServerCodec, public ::testing::WithParamInterface<Flood> {};

/// Threats row 11.
TEST_P(H2Flood, ends_the_connection) {
  greet();
  post(1);
  send(h2::get(3));
  std::size_t sent = 0;
  for (; sent < 100'000 && !frames_.goaway(); sent += 50) {
    std::string many;
    for (int i = 0; i < 50; ++i) many += GetParam().frame;
    send(many);
  }
  EXPECT_EQ(frames_.goaway(), h2::ErrorCode::enhance_your_calm);
  EXPECT_LE(sent, 1'100U);
  EXPECT_EQ(reasons(), "h2_flood ");
  EXPECT_TRUE(owner(1).reset);
}
TEST_P(H2Flood, is_no_flood_when_it_takes_its_time) {
  greet();
  post(1);
  for (int i = 0; i < 100; ++i) {
    std::string many;
    for (int k = 0; k < 50; ++k) many += GetParam().frame;
    send(many);
    loop_.set_now(loop_.now() + Millis{1'000});
    owner().stream->send_head({.status = 103}, End::no);
  }
  EXPECT_FALSE(frames_.goaway());
}
INSTANTIATE_TEST_SUITE_P(
    Kinds, H2Flood,
    ::testing::Values(
        Flood{"pings", h2::frame(h2::FrameType::ping, 0, 0, "12345678")},
        Flood{"settings", h2::settings()}, Flood{"empty_data", h2::data(1, "")},
        Flood{"priorities", h2::frame(h2::FrameType::priority, 0, 5, std::string("\0\0\0\0\1", 5))},
        Flood{"priority_updates",
              h2::frame(h2::FrameType::priority_update, 0, 0, std::string("\0\0\0\1u=1", 7))},
        Flood{"window_updates", h2::window_update(1, 1)},
        Flood{"connection_window_updates", h2::window_update(0, 1)},
        Flood{"unknown_frames", h2::frame(static_cast<h2::FrameType>(99), 0, 0, "x")}),
    [](const auto& flood) { return std::string(flood.param.name); });

/// Threats row 11: answers to a client that does not read them do not pile up.
TEST_F(H2ServerCodec, reads_nothing_while_its_own_output_is_not_read) {
  greet();
  transport_.peer_takes(0);
  send(h2::get(1));
  loop_.set_now(loop_.now() + std::chrono::seconds{1});
  std::string pings;
  const std::string one = h2::frame(h2::FrameType::ping, 0, 0, "12345678");
  for (int i = 0; i < 900; ++i) pings += one;
  std::uint64_t most = 0;
  for (int i = 0; i < 40; ++i) {
    send(pings);
    loop_.set_now(loop_.now() + std::chrono::seconds{9});
    most = std::max(most, transport_.output_bytes());
    if (closed_) break;
  }
  EXPECT_LE(most, 300U * 1024);
}

TEST_F(H2ServerCodec, tiny_pieces_of_body_do_not_pin_a_block_each) {
  greet();
  post(1);
  post(3);
  owner(1).give_back = true;
  owner(1).stream->grant(100'000);
  for (int i = 0; i < 200; ++i) send(h2::data(1, "x") + h2::data(3, std::string(4'000, 'y')));
  EXPECT_LE(loop_.blocks().outstanding(), 4U);
  EXPECT_EQ(owner(1).body.size(), 800'000U);
}

}  // namespace
}  // namespace aralez::testing
