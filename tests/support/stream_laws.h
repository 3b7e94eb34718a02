#pragma once

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "support/memory_transport.h"
#include "support/stream_recorder.h"

/// The stream contract (http/stream.h) as a typed suite. A codec joins it with an adapter per role:
///
///   static constexpr std::array kPeerBodies{PeerBody::length, ...};   what its peer can send
///   explicit Adapter(Loop&);
///   MemoryTransport& transport();
///   void open(Recorder&);         a stream exists, or will with the peer's head; it is attached
///   Head own_head(BodyLength);    a head that may be sent there
///   std::string peer_message(PeerBody, body, trailers);   bytes of a whole message of the peer
///   std::size_t head_size(std::string_view message);   how many of them are its head
///   bool speaks_first();          our head goes out before the peer's comes
///   std::optional<std::string> received();   the body the peer has read whole, from sent()
///   bool aborted();               the peer was told that the stream ended early
///   bool codec_alive();           not freed
///
/// The adapter frees its codec through Loop::retire, as the owners in the program do.
namespace aralez::testing {

enum class PeerBody : std::uint8_t { length, chunked, until_end };

inline std::string pattern(std::size_t n, char seed = 'a') {
  std::string s(n, ' ');
  for (std::size_t i = 0; i < n; ++i)
    s[i] = static_cast<char>('!' + (i * 7 + i / 91 + static_cast<unsigned char>(seed)) % 90);
  return s;
}

template <class Adapter>
struct StreamLaws : ::testing::Test {
  /// One stream and its world, so that a test can have many.
  struct World {
    World() { adapter.open(owner); }
    void turn() {
      adapter.transport().turn();
      loop.run_deferred();
      loop.finish_turn();
    }
    void settle() {
      for (int i = 0; i < 6; ++i) turn();
    }
    void pass(Millis time) {
      loop.set_now(loop.now() + time);
      settle();
    }
    /// Our head, where the codec sends one before it hears one.
    void speak_first(BodyLength length, End end) {
      if (Adapter::speaks_first()) owner.send_head(adapter.own_head(length), end);
      settle();
    }
    void speak_second(BodyLength length, End end) {
      settle();
      if (!Adapter::speaks_first()) owner.send_head(adapter.own_head(length), end);
    }
    void peer_sends(std::string_view bytes) {
      adapter.transport().peer_sends(bytes);
      settle();
    }
    /// Both heads are through, both bodies are to come.
    void exchange_heads(PeerBody kind, std::size_t size, BodyLength own) {
      message = adapter.peer_message(kind, pattern(size), {});
      head_size = Adapter::head_size(message);
      speak_first(own, End::no);
      peer_sends(std::string_view(message).substr(0, head_size));
      speak_second(own, End::no);
      settle();
      ASSERT_EQ(owner.heads(), 1U);
    }
    [[nodiscard]] std::string_view peer_body() const {
      return std::string_view(message).substr(head_size);
    }

    Loop loop{TimePoint{} + std::chrono::hours{1}};
    Recorder owner;
    Adapter adapter{loop};
    std::string message;
    std::size_t head_size = 0;
  };

  static void for_each_body(const std::function<void(PeerBody)>& f) {
    for (const PeerBody kind : Adapter::kPeerBodies) {
      SCOPED_TRACE(::testing::Message() << "peer body " << static_cast<int>(kind));
      f(kind);
    }
  }
};

TYPED_TEST_SUITE_P(StreamLaws);

TYPED_TEST_P(StreamLaws, delivers_exactly_what_is_granted_and_goes_on_with_the_next_grant) {
  this->for_each_body([](PeerBody kind) {
    for (unsigned seed = 0; seed < 60; ++seed) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed);
      std::mt19937 random(seed);
      const auto up_to = [&](std::size_t n) { return random() % n + 1; };
      typename TestFixture::World w;
      const std::size_t size = up_to(3000);
      w.exchange_heads(kind, size, BodyLength::of(10));
      w.adapter.transport().chop(up_to(400));
      EXPECT_TRUE(w.owner.body().empty()) << "law 3: nothing was granted";
      std::size_t granted = 0;
      std::string_view rest = w.peer_body();
      const bool drip = seed % 2 == 0;
      if (!drip) w.peer_sends(std::exchange(rest, {}));
      while (granted < size || !rest.empty()) {
        const std::size_t n = up_to(200);
        w.owner.grant(n);
        granted += n;
        const std::size_t piece = std::min(rest.size(), up_to(300));
        w.peer_sends(rest.substr(0, piece));
        rest.remove_prefix(piece);
        if (rest.empty()) {
          EXPECT_EQ(w.owner.body().size(), std::min(granted, size));
        }
      }
      if (kind == PeerBody::until_end) w.adapter.transport().peer_ends();
      w.owner.grant(1);
      w.settle();
      EXPECT_EQ(w.owner.body(), pattern(size));
      EXPECT_TRUE(w.owner.ended());
      EXPECT_FALSE(w.owner.was_reset());
      w.owner.detach();
    }
  });
}

TYPED_TEST_P(StreamLaws, ends_a_message_once_however_it_is_cut_into_pieces) {
  this->for_each_body([](PeerBody kind) {
    for (const std::size_t size : {0, 1, 700}) {
      for (const std::size_t chop : {1, 3, 1000}) {
        for (const std::string_view trailers : {"", "X-Sum: 1\r\n"}) {
          if (!trailers.empty() && kind != PeerBody::chunked) continue;
          typename TestFixture::World w;
          w.adapter.transport().chop(chop);
          w.owner.on_event = [&](std::size_t n) {
            if (n == 0) w.owner.grant(size + 1);
          };
          w.speak_first(BodyLength::of(0), End::yes);
          w.peer_sends(w.adapter.peer_message(kind, pattern(size), trailers));
          if (kind == PeerBody::until_end) w.adapter.transport().peer_ends();
          w.settle();
          EXPECT_EQ(w.owner.body(), pattern(size));
          EXPECT_EQ(lower(w.owner.trailers()), trailers.empty() ? "" : "x-sum:1\n");
          EXPECT_TRUE(w.owner.ended());
          EXPECT_FALSE(w.owner.was_reset());
          w.owner.detach();
        }
      }
    }
  });
}

TYPED_TEST_P(StreamLaws, settles_every_body_byte_once_and_only_when_it_has_left) {
  for (const BodyLength own : {BodyLength::of(5000), BodyLength::until_end()}) {
    for (const std::size_t step : {1, 97, 2048}) {
      typename TestFixture::World w;
      w.exchange_heads(PeerBody::length, 10, own);
      const std::size_t head = w.adapter.transport().sent().size();
      w.adapter.transport().peer_takes(0);
      const std::string body = pattern(5000, 'q');
      w.owner.send_body(w.loop.blocks(), std::string_view(body).substr(0, 2000), End::no);
      w.owner.send_body(w.loop.blocks(), std::string_view(body).substr(2000), End::yes);
      w.settle();
      EXPECT_EQ(w.owner.settled(), 0U);
      for (std::size_t left = 0; left < 6000; left += step) {
        w.adapter.transport().peer_takes(step);
        w.turn();
        ASSERT_LE(w.owner.settled(), w.adapter.transport().sent().size() - head);
      }
      EXPECT_EQ(w.owner.settled(), 5000U);
      EXPECT_EQ(w.adapter.received(), body);
      w.owner.detach();
    }
  }
}

TYPED_TEST_P(StreamLaws, never_speaks_inside_a_call) {
  this->for_each_body([](PeerBody kind) {
    typename TestFixture::World w;
    w.exchange_heads(kind, 100, BodyLength::until_end());
    w.peer_sends(w.peer_body());  // all of it is here, none of it may come inside grant()
    if (kind == PeerBody::until_end) w.adapter.transport().peer_ends();
    w.owner.grant(10);
    w.owner.grant(1000);
    w.owner.send_body(w.loop.blocks(), "abc", End::no);
    w.owner.send_trailers(Fields());
    w.settle();
    EXPECT_TRUE(w.owner.ended());
    EXPECT_EQ(w.owner.settled(), 3U);
    w.owner.send_body(w.loop.blocks(), "behind the end", End::yes);  // dropped, and settled later
    w.settle();
    EXPECT_EQ(w.owner.settled(), w.owner.handed());
    w.owner.detach();
  });
}

/// What an owner may do in the middle of being told.
template <class World>
void act(World& w, int action) {
  switch (action) {
    case 0: return w.owner.detach();
    case 1: return w.owner.reset();
    case 2: return w.owner.grant(50);
    case 3:
      if (!w.owner.sent_end()) w.owner.send_body(w.loop.blocks(), "zz", End::no);
      return;
    default:
      if (!w.owner.sent_end()) w.owner.send_body(w.loop.blocks(), {}, End::yes);
      return;
  }
}

TYPED_TEST_P(StreamLaws, keeps_the_laws_whatever_is_done_inside_any_event) {
  this->for_each_body([](PeerBody kind) {
    for (int action = 0; action < 5; ++action) {
      for (std::size_t at = 0; at < 12; ++at) {
        for (const bool broken : {false, true}) {
          SCOPED_TRACE(::testing::Message() << "action " << action << " in event " << at);
          typename TestFixture::World w;
          w.adapter.transport().chop(64);
          w.owner.on_event = [&](std::size_t n) {
            if (n == at) act(w, action);
          };
          w.speak_first(BodyLength::until_end(), End::no);
          const std::string message = w.adapter.peer_message(kind, pattern(300), {});
          const std::size_t head = TypeParam::head_size(message);
          w.peer_sends(message.substr(0, head));
          if (w.owner.holds() && !TypeParam::speaks_first())
            w.owner.send_head(w.adapter.own_head(BodyLength::until_end()), End::no);
          if (w.owner.holds()) w.owner.grant(150);
          if (w.owner.holds() && !w.owner.sent_end())
            w.owner.send_body(w.loop.blocks(), pattern(90), End::no);
          if (w.adapter.codec_alive()) w.peer_sends(message.substr(head));
          if (w.owner.holds()) w.owner.grant(1000);
          w.settle();
          if (broken)
            w.adapter.transport().peer_breaks();
          else
            w.adapter.transport().peer_ends();
          w.settle();
          if (w.owner.holds()) w.owner.detach();
          w.pass(Millis{10'000'000});
        }
      }
    }
  });
}

TYPED_TEST_P(StreamLaws, is_silent_after_detach_and_after_reset) {
  this->for_each_body([](PeerBody kind) {
    for (const bool detach : {true, false}) {
      for (std::size_t cut = 0; cut < 140; cut += 7) {
        typename TestFixture::World w;
        w.exchange_heads(kind, 100, BodyLength::of(5000));
        w.adapter.transport().peer_takes(100);
        w.owner.grant(60);
        w.owner.send_body(w.loop.blocks(), pattern(4000), End::no);
        w.peer_sends(w.peer_body().substr(0, cut));
        w.owner.grant(1000);  // bytes that are here now are under way to the owner
        detach ? w.owner.detach() : w.owner.reset();
        const std::size_t told = w.owner.events();
        w.adapter.transport().peer_takes(10'000);
        w.settle();
        EXPECT_TRUE(w.adapter.aborted()) << "the stream was not finished";
        if (w.adapter.codec_alive()) {
          w.adapter.transport().peer_takes(10'000);
          w.peer_sends(w.peer_body().substr(std::min(cut, w.peer_body().size())));
          w.adapter.transport().peer_breaks();
        }
        w.pass(Millis{10'000'000});
        EXPECT_EQ(w.owner.events(), told);
      }
    }
  });
}

TYPED_TEST_P(StreamLaws, a_message_cut_at_any_byte_is_reset_once_and_never_complete) {
  this->for_each_body([](PeerBody kind) {
    const std::string whole = typename TestFixture::World().adapter.peer_message(
        kind, pattern(40), kind == PeerBody::chunked ? "X-Sum: 1\r\n" : "");
    const std::size_t head = TypeParam::head_size(whole);
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      for (const bool broken : {false, true}) {
        SCOPED_TRACE(::testing::Message() << "cut at " << cut << (broken ? " reset" : " end"));
        typename TestFixture::World w;
        w.owner.on_event = [&](std::size_t n) {
          if (n == 0) w.owner.grant(1000);
        };
        w.speak_first(BodyLength::until_end(), End::no);
        w.peer_sends(whole.substr(0, cut));
        broken ? w.adapter.transport().peer_breaks() : w.adapter.transport().peer_ends();
        w.settle();
        const bool complete =
            kind == PeerBody::until_end ? cut >= head && !broken : cut == whole.size();
        EXPECT_EQ(w.owner.ended(), complete);
        EXPECT_EQ(w.owner.heads(), cut >= head ? 1U : 0U);
        const bool stream_existed = TypeParam::speaks_first() || cut >= head;
        if (!complete) {
          EXPECT_EQ(w.owner.was_reset(), stream_existed);
        }
        EXPECT_TRUE(pattern(40).starts_with(w.owner.body()));
        if (w.owner.holds()) w.owner.detach();
      }
    }
  });
}

TYPED_TEST_P(StreamLaws, the_other_half_goes_on_after_the_peer_has_ended_its_own) {
  this->for_each_body([](PeerBody kind) {
    typename TestFixture::World w;
    w.exchange_heads(kind, 100, BodyLength::of(5000));
    w.adapter.transport().peer_takes(0);
    w.owner.grant(1000);
    w.peer_sends(w.peer_body());
    w.adapter.transport().peer_ends();
    w.settle();
    EXPECT_TRUE(w.owner.ended());
    ASSERT_FALSE(w.owner.was_reset());
    const std::string body = pattern(5000, 'q');
    w.owner.send_body(w.loop.blocks(), std::string_view(body).substr(0, 10), End::no);
    w.settle();
    ASSERT_TRUE(w.owner.holds());
    w.owner.send_body(w.loop.blocks(), std::string_view(body).substr(10), End::yes);
    for (int i = 0; i < 100; ++i) {
      w.adapter.transport().peer_takes(100);
      w.turn();
    }
    EXPECT_EQ(w.adapter.received(), body);
    EXPECT_EQ(w.owner.settled(), 5000U);
    w.owner.detach();
  });
}

TYPED_TEST_P(StreamLaws, the_peer_may_go_on_after_we_have_ended_our_half) {
  this->for_each_body([](PeerBody kind) {
    typename TestFixture::World w;
    w.exchange_heads(kind, 100, BodyLength::of(5));
    w.owner.send_body(w.loop.blocks(), "hello", End::yes);
    w.settle();
    EXPECT_EQ(w.adapter.received(), "hello");
    w.owner.grant(1000);
    w.peer_sends(w.peer_body());
    if (kind == PeerBody::until_end) w.adapter.transport().peer_ends();
    w.settle();
    EXPECT_TRUE(w.owner.ended());
    EXPECT_FALSE(w.owner.was_reset());
    EXPECT_EQ(w.owner.body(), pattern(100));
    w.owner.detach();
  });
}

TYPED_TEST_P(StreamLaws, lives_until_the_turn_ends_when_its_stream_is_given_up) {
  for (const bool detach : {true, false}) {
    typename TestFixture::World w;
    w.exchange_heads(PeerBody::length, 100, BodyLength::of(5000));
    detach ? w.owner.detach() : w.owner.reset();
    EXPECT_TRUE(w.adapter.codec_alive()) << "law 4: freed under its caller";
    w.loop.run_deferred();
    EXPECT_TRUE(w.adapter.codec_alive()) << "law 4: freed before the turn ended";
    w.loop.finish_turn();
    if (w.adapter.codec_alive()) {  // what was sent before a reset may leave first
      w.adapter.transport().peer_ends();
      w.settle();
    }
    EXPECT_FALSE(w.adapter.codec_alive());
    EXPECT_EQ(w.loop.blocks().outstanding(), 0U);
  }
}

TYPED_TEST_P(StreamLaws, holds_no_block_when_both_messages_are_through) {
  this->for_each_body([](PeerBody kind) {
    typename TestFixture::World w;
    w.exchange_heads(kind, 100, BodyLength::of(5));
    w.owner.send_body(w.loop.blocks(), "hello", End::yes);
    w.owner.grant(1000);
    w.peer_sends(w.peer_body());
    if (kind == PeerBody::until_end) w.adapter.transport().peer_ends();
    w.settle();
    w.owner.detach();
    w.settle();
    EXPECT_EQ(w.loop.blocks().outstanding(), 0U);
  });
}

REGISTER_TYPED_TEST_SUITE_P(StreamLaws,
                            delivers_exactly_what_is_granted_and_goes_on_with_the_next_grant,
                            ends_a_message_once_however_it_is_cut_into_pieces,
                            settles_every_body_byte_once_and_only_when_it_has_left,
                            never_speaks_inside_a_call,
                            keeps_the_laws_whatever_is_done_inside_any_event,
                            is_silent_after_detach_and_after_reset,
                            a_message_cut_at_any_byte_is_reset_once_and_never_complete,
                            the_other_half_goes_on_after_the_peer_has_ended_its_own,
                            the_peer_may_go_on_after_we_have_ended_our_half,
                            lives_until_the_turn_ends_when_its_stream_is_given_up,
                            holds_no_block_when_both_messages_are_through);

}  // namespace aralez::testing
