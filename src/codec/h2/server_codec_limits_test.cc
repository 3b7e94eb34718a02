// What a client may cost: time, memory, frames.

#include "codec/h2/server_codec_fixture_test.h"

namespace aralez::testing {
namespace {

using ::testing::HasSubstr;

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
