#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "http/stream.h"

namespace aralez::testing {

/// Owner of a stream that holds its codec to the four laws (http/stream.h) at every event. Calls to
/// the stream go through it, so that it knows what was granted, sent and given up.
class Recorder final : public StreamEvents {
 public:
  /// Called inside each event, with its number: what an owner does while it is being told.
  std::function<void(std::size_t)> on_event;

  void attach(Stream& stream) { stream_ = &stream; }
  /// Neither given up nor reset.
  [[nodiscard]] bool holds() const { return stream_ != nullptr; }

  void send_head(const Head& head, End end) {
    call([&](Stream& s) { s.send_head(head, end); });
    if (end == End::yes) sent_end_ = true;
  }
  void send_body(BlockPool& blocks, std::string_view bytes, End end) {
    Chain chain;
    for (std::size_t at = 0; at < bytes.size();) {
      const BlockRef block = blocks.take();
      const auto part = bytes.substr(at, 700);
      std::memcpy(block.bytes().data(), part.data(), part.size());
      chain.push_back(Piece(Slice(block, block.bytes().first(part.size()))));
      at += part.size();
    }
    handed_ += bytes.size();
    call([&](Stream& s) { s.send_body(std::move(chain), end); });
    if (end == End::yes) sent_end_ = true;
  }
  void send_trailers(const Fields& trailers) {
    call([&](Stream& s) { s.send_trailers(trailers); });
    sent_end_ = true;
  }
  void grant(std::size_t n) {
    granted_ += n;
    call([&](Stream& s) { s.grant(n); });
  }
  void reset() {
    call([](Stream& s) { s.reset(ResetCode::cancel); });
    stream_ = nullptr;
  }
  void detach() {
    call([](Stream& s) { s.detach(); });
    stream_ = nullptr;
  }

  [[nodiscard]] std::size_t events() const { return events_; }
  [[nodiscard]] std::size_t heads() const { return heads_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool was_reset() const { return resets_ > 0; }
  [[nodiscard]] ResetCode reset_code() const { return code_; }
  [[nodiscard]] bool sent_end() const { return sent_end_; }
  [[nodiscard]] const std::string& body() const { return body_; }
  [[nodiscard]] const std::string& trailers() const { return trailers_; }
  [[nodiscard]] std::size_t settled() const { return settled_; }
  [[nodiscard]] std::size_t handed() const { return handed_; }

  void on_head(Head&& head, End end) override {
    const Event e(*this);
    EXPECT_FALSE(ended_) << "a head behind the end";
    if (!head.interim()) ++heads_;
    EXPECT_LE(heads_, 1U) << "two heads";
    take_end(end);
  }
  void on_body(Chain&& body, End end) override {
    const Event e(*this);
    EXPECT_EQ(heads_, 1U) << "a body without a head";
    EXPECT_FALSE(ended_) << "a body behind the end";
    for (std::size_t i = 0; i < body.count(); ++i) body_ += body[i].slice().text();
    EXPECT_LE(body_.size(), granted_) << "law 3: delivered more than granted";
    take_end(end);
  }
  void on_trailers(Fields&& trailers) override {
    const Event e(*this);
    EXPECT_FALSE(ended_) << "trailers behind the end";
    for (const Field& f : trailers) trailers_.append(f.name).append(":").append(f.value) += '\n';
    take_end(End::yes);
  }
  void on_sent(std::size_t n) override {
    const Event e(*this);
    settled_ += n;
    EXPECT_LE(settled_, handed_) << "settled more than was handed over";
  }
  void on_reset(ResetCode code) override {
    {
      const Event e(*this);
      ++resets_;
      code_ = code;
    }
    stream_ = nullptr;
  }

 private:
  /// What is true of every event.
  struct Event {
    explicit Event(Recorder& r) : recorder(r) {
      EXPECT_EQ(r.in_call_, 0) << "law 1: told from inside a call";
      EXPECT_EQ(r.in_event_, 0) << "told while being told";
      EXPECT_TRUE(r.holds()) << "law 2: told after reset or detach";
      ++r.in_event_;
    }
    ~Event() {
      const std::size_t n = recorder.events_++;
      if (recorder.on_event && recorder.holds()) recorder.on_event(n);
      --recorder.in_event_;
    }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    Recorder& recorder;
  };

  template <class F>
  void call(F&& f) {
    ASSERT_TRUE(holds()) << "the test itself uses a stream that is gone";
    ++in_call_;
    f(*stream_);
    --in_call_;
  }
  void take_end(End end) {
    if (end == End::yes) ended_ = true;
  }

  Stream* stream_ = nullptr;
  std::string body_;
  std::string trailers_;
  std::size_t events_ = 0;
  std::size_t heads_ = 0;
  std::size_t resets_ = 0;
  std::size_t granted_ = 0;
  std::size_t handed_ = 0;
  std::size_t settled_ = 0;
  ResetCode code_ = ResetCode::internal;
  int in_call_ = 0;
  int in_event_ = 0;
  bool ended_ = false;
  bool sent_end_ = false;
};

}  // namespace aralez::testing
