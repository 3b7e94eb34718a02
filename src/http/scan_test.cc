#include "http/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace aralez {
namespace {

/// Text that ends where its memory ends, at any alignment, so that a sanitizer sees a wide load
/// beyond it.
class Placed {
 public:
  Placed(std::string_view text, std::size_t offset) : memory_(offset + text.size()), at_(offset) {
    std::copy(text.begin(), text.end(), memory_.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  [[nodiscard]] std::string_view text() const {
    return std::string_view(memory_.data(), memory_.size()).substr(at_);
  }

 private:
  std::vector<char> memory_;
  std::size_t at_;
};

std::string random_text(std::mt19937& random, std::size_t size) {
  // Mostly good bytes, or every text would end within a few.
  std::string out(size, 'a');
  for (char& c : out)
    c = random() % 40 == 0 ? static_cast<char>(random() % 256)
                           : static_cast<char>(0x20 + random() % 0x5f);
  return out;
}

bool name_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}
/// The rule of a request target once more, byte by byte.
std::size_t target_end_scalar(std::string_view s) {
  return static_cast<std::size_t>(
      std::ranges::find_if(s, [](char c) { return c <= 0x20 || c >= 0x7f || c == '#'; }) -
      s.begin());
}

/// A run may stop early only for want of a full vector.
template <class Run, class Good>
void expect_run(Run run, Good good, std::string_view text) {
  const std::size_t n = run(text.data(), text.size());
  ASSERT_LE(n, text.size());
  for (std::size_t i = 0; i < n; ++i) ASSERT_TRUE(good(text[i])) << i;
  if (n + 16 <= text.size()) {
    ASSERT_FALSE(good(text[n])) << n;
  }
}

TEST(Scan, every_byte_is_judged_alike_at_every_place_in_a_vector) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t at = 0; at < 70; ++at) {
      std::string text(71, 'x');
      text[at] = static_cast<char>(byte);
      ASSERT_EQ(value_end(text), value_end_scalar(text)) << byte << " at " << at;
      ASSERT_EQ(target_end(text), target_end_scalar(text)) << byte << " at " << at;
    }
  }
}

TEST(Scan, wide_scans_agree_with_the_rule_on_random_text_of_every_size_and_alignment) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    for (std::size_t offset = 0; offset < 33; ++offset) {
      const Placed placed(random_text(random, size), offset);
      const auto text = placed.text();
      ASSERT_EQ(value_end(text), value_end_scalar(text)) << size << " at " << offset;
      for (const std::size_t from : {std::size_t{0}, size / 3, size}) {
        ASSERT_EQ(scan_detail::value_end_wide(text.data(), from, size),
                  from + value_end_scalar(text.substr(from)))
            << size << " at " << offset << " from " << from;
      }
      expect_run(name_run, name_byte, text);
      ASSERT_EQ(target_end(text), target_end_scalar(text)) << size << " at " << offset;
    }
  }
}

TEST(Scan, every_variant_agrees_with_the_rule_at_every_alignment_and_length) {
  const auto variants = scan_detail::variants();
  ASSERT_GE(variants.size(), 1U);
  std::mt19937 random(2);
  for (std::size_t size = 0; size <= 200; ++size) {
    for (std::size_t offset = 0; offset < 64; ++offset) {
      // All good, one bad byte anywhere, and a random mixture.
      std::string one(size, 'v');
      if (size > 0) one[random() % size] = offset % 2 == 0 ? '\x7f' : '\n';
      for (const std::string& text :
           {std::string(size, offset % 3 == 0 ? '\t' : '\xff'), one, random_text(random, size)}) {
        const Placed placed(text, offset);
        const auto rule = value_end_scalar(text);
        for (const auto& v : variants)
          ASSERT_EQ(v.scan(placed.text().data(), 0, size), rule)
              << v.name << " size " << size << " at " << offset;
      }
    }
  }
}

#if defined(__x86_64__)
TEST(Scan, variants_of_this_cpu_are_all_tested) {
  std::string names;
  for (const auto& v : scan_detail::variants()) names.append(v.name).append(" ");
  EXPECT_EQ(names, __builtin_cpu_supports("avx2") ? "scalar sse2 avx2 " : "scalar sse2 ");
}
#endif

TEST(Scan, long_clean_text_is_scanned_to_its_end) {
  const std::string text(10'000, 'v');
  EXPECT_EQ(value_end(text), text.size());
  for (std::size_t at = 9'900; at < text.size(); ++at) {
    std::string cut = text;
    cut[at] = '\r';
    ASSERT_EQ(value_end(cut), at);
  }
}

TEST(Scan, a_value_may_hold_tabs_blanks_and_bytes_above_ascii_and_no_other_control) {
  EXPECT_EQ(value_end("a\tb c\x80\xff"), 7U);
  for (int c = 0; c < 0x20; ++c) {
    if (c != '\t') {
      EXPECT_EQ(value_end(std::string(20, 'a') + static_cast<char>(c) + "b"), 20U) << c;
    }
  }
  EXPECT_EQ(value_end("a\x7f"), 1U);
}

}  // namespace
}  // namespace aralez
