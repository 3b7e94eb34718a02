#pragma once

#include <array>
#include <cassert>
#include <memory>
#include <span>
#include <vector>

#include "base/intrusive_list.h"
#include "codec/h2/frame.h"
#include "http/stream.h"
#include "io/loop.h"

namespace aralez::h2 {

class Session;

/// Fields that have to wait: a copy of theirs and of their texts in a block.
class SavedFields {
 public:
  void save(BlockPool& pool, const Fields& fields);
  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
  /// The copy; the block goes with the next save() or clear().
  [[nodiscard]] Fields fields() const noexcept { return Fields(fields_, fields_.size()); }
  void clear() noexcept {
    fields_ = {};
    block_.reset();
  }

 private:
  BlockRef block_;
  std::span<Field> fields_;
};

/// One message pair of a session. All it does is in Session; this is its state. Taken from the
/// worker's StreamPool, given back at the end of the loop turn in which its session has done with
/// it.
class MuxStream final : public Stream {
 public:
  /// Receiving half. `ended`: all of it is here, and the owner has not been told.
  enum class Rx : std::uint8_t { head, body, ended, done };
  /// Sending half. `ending`: all of it was handed over, and some of it has not been framed.
  enum class Tx : std::uint8_t { head, body, ending, done };
  /// What its session and the peer know of it. Changed by enter() alone.
  enum class Phase : std::uint8_t {
    gone,     ///< not in the session's table
    unknown,  ///< the peer does not know it yet, or has given it up: no RST_STREAM of ours
    open,
    failing  ///< reset by us, and its owner is about to be told
  };
  /// `asked`: extended CONNECT that was not accepted yet; nothing is delivered.
  enum class Kind : std::uint8_t { request, call, asked, tunnel };
  /// Of the peer's body, since the rate was last looked at.
  enum class Rate : std::uint8_t { not_looked_at, watched, held_back };
  static constexpr std::uint64_t kNoLength = ~std::uint64_t{0};
  static constexpr std::uint64_t length_of(const BodyLength& l) noexcept {
    return l.kind == BodyLength::Kind::known ? l.bytes : kNoLength;
  }
  struct Link : ListNode {
    explicit Link(MuxStream& s) : stream(s) {}
    MuxStream& stream;
  };

  MuxStream() = default;
  MuxStream(const MuxStream&) = delete;
  MuxStream& operator=(const MuxStream&) = delete;

  void send_head(const Head& head, End end) override;
  void send_body(Chain&& body, End end) override;
  void send_trailers(const Fields& trailers) override;
  void grant(std::size_t n) override;
  [[nodiscard]] std::size_t body_room() override;
  void reset(ResetCode code) override;
  void detach() override;

  /// As good as new. Pre: in no list, gone.
  void clear();

  /// gone → unknown or open; between these two; from both to failing; from each of them to gone.
  void enter(Phase to) noexcept {
    assert(may_follow(to));
    phase = to;
  }
  [[nodiscard]] bool listed() const noexcept { return phase != Phase::gone; }
  [[nodiscard]] bool gated() const noexcept { return kind == Kind::asked; }
  /// May be silent for long.
  [[nodiscard]] bool long_lived() const noexcept { return kind != Kind::request; }
  /// By us: its credit has run out.
  void held_back() noexcept {
    if (rate == Rate::watched) rate = Rate::held_back;
  }

  // Facts of one stream, changed by Session and its roles alone.
  Session* session = nullptr;
  MuxStream* next = nullptr;       ///< in the session's table
  StreamEvents* events = nullptr;  ///< null after reset and detach
  std::uint32_t id = 0;
  Rx rx = Rx::head;
  Tx tx = Tx::head;
  Phase phase = Phase::gone;
  Kind kind = Kind::request;
  Rate rate = Rate::not_looked_at;
  bool mute = false;  ///< what is sent as body is dropped: HEAD, 204, 304
  Method method = Method::other;
  std::uint32_t interim = 0;  ///< 1xx heads seen
  std::int64_t send_window = 0;
  std::int64_t recv_window = 0;       ///< what the peer may still send
  std::uint64_t credit = 0;           ///< granted and not delivered
  std::uint64_t rx_left = kNoLength;  ///< of the announced length, like the next
  std::uint64_t tx_left = kNoLength;
  std::uint64_t held_bytes = 0;
  std::uint64_t pending_bytes = 0;
  std::uint64_t unsettled = 0;  ///< received, and still held by us or by the owner
  std::uint64_t owed = 0;       ///< credit of bytes that were dropped
  std::uint64_t rx_total = 0;
  std::uint64_t tx_total = 0;
  std::size_t header_bytes = 0;  ///< decoded size of its head
  std::size_t room = 0;          ///< what its owner was told may wait here
  Chain held;                    ///< received beyond the credit
  Chain pending;                 ///< handed over, not framed
  SavedFields rx_trailers;
  SavedFields tx_trailers;
  BlockRef small;  ///< gathers small pieces of body, so that none pins a block of its own
  std::uint32_t small_used = 0;
  std::uint64_t rx_mark = 0;  ///< totals when the rate was last looked at
  std::uint64_t tx_mark = 0;
  std::uint32_t quiet = 0;        ///< rate windows without a byte, of a long-lived stream
  std::array<char, 28> accept{};  ///< of a WebSocket: what its server has to prove
  Link ready{*this};              ///< has something to frame
  Link todo{*this};               ///< its owner is to be told something

 private:
  [[nodiscard]] bool may_follow(Phase to) const noexcept {
    switch (to) {
      case Phase::gone: return phase != Phase::gone;
      case Phase::failing: return phase == Phase::unknown || phase == Phase::open;
      case Phase::unknown:
      case Phase::open: return phase != Phase::failing;
    }
    return false;
  }
};

/// Streams of one worker, used again and again.
class StreamPool {
 public:
  explicit StreamPool(Loop& loop) : loop_(loop) {}
  StreamPool(const StreamPool&) = delete;
  StreamPool& operator=(const StreamPool&) = delete;

  [[nodiscard]] MuxStream& take();
  /// At the end of the turn.
  void give_back(MuxStream& s);
  /// Not free, and not about to be.
  [[nodiscard]] std::size_t in_use() const noexcept {
    return all_.size() - free_.size() - done_.size();
  }
  /// Not free yet.
  [[nodiscard]] std::size_t alive() const noexcept { return all_.size() - free_.size(); }

 private:
  void recycle();

  Loop& loop_;
  std::vector<std::unique_ptr<MuxStream>> all_;
  std::vector<MuxStream*> free_;
  std::vector<MuxStream*> done_;
  MemberDeferred<StreamPool, &StreamPool::recycle> recycle_{*this};
};

}  // namespace aralez::h2
