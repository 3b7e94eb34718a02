#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string_view>

#include "base/chain.h"

namespace aralez::testing {

/// A file of a few bytes.
class FileBytes final : public KernelBytes {
 public:
  explicit FileBytes(std::string_view text) : KernelBytes(::memfd_create("test", 0)) {
    EXPECT_EQ(::write(fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  ~FileBytes() override { ::close(fd()); }

 private:
  void consumed(std::size_t) override {}
  void release() noexcept override { delete this; }
};

}  // namespace aralez::testing
