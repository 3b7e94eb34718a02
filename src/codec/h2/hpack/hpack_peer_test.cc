#include <random>

#include "codec/h2/hpack/hpack_fixture_test.h"

/// Side by side with nghttp2's coders, which have been fuzzed for ten years.
namespace aralez::h2 {
namespace {

using testing::hex;
using namespace aralez::testing::hpack;

class PeerWriter {
 public:
  PeerWriter() { nghttp2_hd_deflate_new(&deflater_, 4096); }
  PeerWriter(const PeerWriter&) = delete;
  PeerWriter& operator=(const PeerWriter&) = delete;
  ~PeerWriter() { nghttp2_hd_deflate_del(deflater_); }

  std::string write(const Lines& lines) {
    std::vector<nghttp2_nv> all;
    for (const auto& [name, value] : lines) {
      const auto bytes_of = [](const std::string& s) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(s.data()));
      };
      all.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), 0});
    }
    std::string out(nghttp2_hd_deflate_bound(deflater_, all.data(), all.size()), '\0');
    const auto n = nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<std::uint8_t*>(out.data()),
                                         out.size(), all.data(), all.size());
    EXPECT_GE(n, 0);
    out.resize(static_cast<std::size_t>(n));
    return out;
  }
  void limit(std::size_t size) { nghttp2_hd_deflate_change_table_size(deflater_, size); }

 private:
  nghttp2_hd_deflater* deflater_ = nullptr;
};

class HpackPeer : public ::testing::Test {
 protected:
  std::size_t roll(std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random_);
  }
  /// Some of them again and again, some once.
  Lines some_lines() {
    static const std::vector<std::string> kNames{
        ":status", ":method",       ":path",           "date",       "cookie", "content-length",
        "x-a",     "x-bench-c",     "server",          "set-cookie", "via",    "vary",
        "etag",    "authorization", "x-very-long-name"};
    Lines lines(roll(9));
    for (auto& [name, value] : lines) {
      name = kNames[roll(kNames.size() - 1)];
      if (roll(9) == 0) name += std::to_string(roll(500));
      value = roll(3) != 0 ? "value " + std::to_string(roll(3)) : std::string();
      for (std::size_t n = roll(5) == 0 ? roll(200) : 0; n > 0; --n)
        value += static_cast<char>(roll(255));
    }
    return lines;
  }
  std::mt19937 random_{20'261'128};
};

TEST_F(HpackPeer, reads_what_we_write) {
  Writer out;
  PeerReader in;
  for (int i = 0; i < 5000; ++i) {
    if (roll(40) == 0) out.encoder.limit_table(roll(5000));
    const Lines lines = some_lines();
    const std::string block = out.write(lines);
    ASSERT_EQ(in.read(block), lines) << i << ": " << hex(block);
  }
}

TEST_F(HpackPeer, is_read_by_us) {
  PeerWriter out;
  Reader in;
  for (int i = 0; i < 5000; ++i) {
    if (roll(40) == 0) out.limit(roll(4096));
    const Lines lines = some_lines();
    const std::string block = out.write(lines);
    ASSERT_EQ(in.read(block), lines) << i << ": " << hex(block);
  }
}

TEST_F(HpackPeer, agrees_on_what_is_malformed) {
  int malformed = 0;
  for (int i = 0; i < 20'000; ++i) {
    PeerWriter out;
    PeerReader peer;
    Reader in;
    const std::string first = out.write(some_lines());
    ASSERT_EQ(in.read(first), peer.read(first));
    std::string block = out.write(some_lines());
    for (std::size_t n = roll(3); n > 0 && !block.empty(); --n)
      block[roll(block.size() - 1)] = static_cast<char>(roll(255));
    if (roll(4) == 0) block.resize(roll(block.size()));
    const auto expected = peer.read(block);
    malformed += !expected;
    ASSERT_EQ(in.read(block), expected) << i << ": " << hex(first) << ' ' << hex(block);
  }
  EXPECT_GT(malformed, 1000);
}

}  // namespace
}  // namespace aralez::h2
