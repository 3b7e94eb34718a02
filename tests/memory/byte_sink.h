#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "io/transport.h"

namespace aralez::memory {

/// A transport that only keeps what is queued, in order. For writers; it never calls anybody and
/// has no loop.
class ByteSink final : public Transport {
 public:
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Body bytes worth of credit that the queued pieces carry.
  [[nodiscard]] std::uint64_t credit() const noexcept { return credit_; }
  void clear() {
    text_.clear();
    credit_ = 0;
  }

  [[nodiscard]] Loop& loop() override { std::abort(); }
  void start_recv() override {}
  void stop_recv() override {}
  [[nodiscard]] bool splices() const override { return false; }
  void splice_into(SplicePipe*, std::size_t) override {}
  /// Memory pieces alone.
  void queue(Piece piece) override {
    text_ += piece.slice().text();
    credit_ += piece.credit();
  }
  /// Exactly as much as was asked for, so that a sanitizer sees a writer that needs more.
  [[nodiscard]] std::span<std::byte> output_space(std::size_t n) override {
    space_.reset(new std::byte[n]);
    room_ = n;
    return {space_.get(), n};
  }
  void commit_output(std::size_t n) override {
    if (n > room_) std::abort();
    text_ += as_text({space_.get(), n});
    space_.reset();
    room_ = 0;
  }
  [[nodiscard]] std::uint64_t output_bytes() const override { return text_.size(); }
  void shutdown_write() override {}
  void close(CloseMode) override {}

 private:
  std::string text_;
  std::uint64_t credit_ = 0;
  std::unique_ptr<std::byte[]> space_;
  std::size_t room_ = 0;
};

}  // namespace aralez::memory
