#include "tls/record_layer.h"

#include <gtest/gtest.h>
#include <openssl/tls1.h>

#include <string>
#include <vector>

#include "base/block.h"

namespace aralez {
namespace {

using Kind = RecordLayer::Opened::Kind;
using namespace std::string_view_literals;

constexpr std::uint16_t kAes128 = TLS1_3_CK_AES_128_GCM_SHA256 & 0xffff;
constexpr std::uint16_t kAes256 = TLS1_3_CK_AES_256_GCM_SHA384 & 0xffff;
constexpr std::uint16_t kChaCha = TLS1_3_CK_CHACHA20_POLY1305_SHA256 & 0xffff;

/// A layer, and one at the other end: its secrets change places.
class RecordLayerTest : public ::testing::TestWithParam<std::uint16_t> {
 protected:
  void SetUp() override {
    TrafficSecrets ours;
    TrafficSecrets theirs;
    const auto size = static_cast<std::uint8_t>(GetParam() == kAes256 ? 48 : 32);
    for (std::size_t i = 0; i < size; ++i) {
      ours.client[i] = theirs.server[i] = static_cast<unsigned char>(i);
      ours.server[i] = theirs.client[i] = static_cast<unsigned char>(i * 7);
    }
    ours.client_size = ours.server_size = theirs.client_size = theirs.server_size = size;
    server_ = RecordLayer::make(GetParam(), ours, 0);
    client_ = RecordLayer::make(GetParam(), theirs, 0);
    ASSERT_NE(server_, nullptr);
    ASSERT_NE(client_, nullptr);
  }
  static std::string seal(RecordLayer& from, std::string_view text,
                          ContentType type = ContentType::data) {
    std::string out(text.size() + RecordLayer::kOverhead, '\0');
    const auto n = from.seal(as_bytes(text), type, std::as_writable_bytes(std::span<char>(out)));
    EXPECT_EQ(n, out.size());
    return out;
  }
  RecordLayer::Opened open(RecordLayer& at, std::string_view record) {
    plain_.assign(record.size(), '\0');
    const auto got = at.open(record, std::as_writable_bytes(std::span<char>(plain_)));
    plain_.resize(got.bytes);
    return got;
  }

  std::unique_ptr<RecordLayer> server_;
  std::unique_ptr<RecordLayer> client_;
  std::string plain_;
};

INSTANTIATE_TEST_SUITE_P(suites, RecordLayerTest, ::testing::Values(kAes128, kAes256, kChaCha));

TEST_P(RecordLayerTest, what_one_seals_the_other_opens_in_order) {
  for (const auto text : {"one"sv, ""sv, "three"sv}) {
    const std::string record = seal(*server_, text);
    const auto found = RecordLayer::look(record);
    EXPECT_EQ(found.kind, RecordLayer::Found::Kind::whole);
    EXPECT_EQ(found.size, record.size());
    EXPECT_EQ(open(*client_, record).kind, Kind::data);
    EXPECT_EQ(plain_, text);
  }
  const std::string skipped = seal(*server_, "skipped");
  EXPECT_EQ(open(*client_, seal(*server_, "next")).kind, Kind::bad);
}

TEST_P(RecordLayerTest, pieces_make_the_same_record_as_a_whole) {
  const std::string text(16'000, 'x');
  std::string out(text.size() + RecordLayer::kOverhead, '\0');
  const auto room = std::as_writable_bytes(std::span<char>(out));
  ASSERT_TRUE(server_->begin(text.size(), ContentType::data, room));
  for (std::size_t at = 0, n = 1; at < text.size(); at += n, n = n * 3 + 1) {
    n = std::min(n, text.size() - at);
    ASSERT_TRUE(server_->add(as_bytes(text).subspan(at, n)));
  }
  EXPECT_EQ(server_->end(), out.size());
  EXPECT_EQ(open(*client_, out).kind, Kind::data);
  EXPECT_EQ(plain_, text);
}

TEST_P(RecordLayerTest, no_changed_bit_gets_through) {
  const std::string record = seal(*server_, "text");
  for (std::size_t i = 0; i < record.size(); ++i) {
    SetUp();
    std::string changed = record;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    if (RecordLayer::look(changed).kind != RecordLayer::Found::Kind::whole) continue;
    EXPECT_EQ(open(*client_, changed).kind, Kind::bad) << i;
  }
}

TEST_P(RecordLayerTest, padding_is_taken_off_and_padding_alone_is_refused) {
  std::string out(64, '\0');
  const auto room = std::as_writable_bytes(std::span<char>(out));
  // "hi", its type, three zeros; the type that end() adds is the fourth.
  const auto padded = "hi\x17\0\0\0"sv;
  out.resize(server_->seal(as_bytes(padded), ContentType{0}, room));
  EXPECT_EQ(open(*client_, out).kind, Kind::data);
  EXPECT_EQ(plain_, "hi");
  out.assign(64, '\0');
  out.resize(server_->seal(as_bytes("\0\0\0"sv), ContentType{0},
                           std::as_writable_bytes(std::span<char>(out))));
  EXPECT_EQ(open(*client_, out).kind, Kind::bad);
}

TEST_P(RecordLayerTest, alerts_end_it_or_give_it_up) {
  EXPECT_EQ(open(*client_, seal(*server_, "\x01\x00"sv, ContentType::alert)).kind, Kind::end);
  EXPECT_EQ(open(*client_, seal(*server_, "\x01\x5a"sv, ContentType::alert)).kind, Kind::nothing);
  EXPECT_EQ(open(*client_, seal(*server_, "\x02\x28"sv, ContentType::alert)).kind, Kind::alert);
  EXPECT_EQ(open(*client_, seal(*server_, "\x02"sv, ContentType::alert)).kind, Kind::bad);
}

TEST_P(RecordLayerTest, a_key_update_changes_one_direction) {
  std::string out(64, '\0');
  out.resize(server_->seal_key_update(std::as_writable_bytes(std::span<char>(out))));
  EXPECT_EQ(open(*client_, out).kind, Kind::nothing);
  EXPECT_EQ(open(*client_, seal(*server_, "after")).kind, Kind::data);
  EXPECT_EQ(open(*server_, seal(*client_, "other way")).kind, Kind::data);
  EXPECT_FALSE(client_->key_update_due());
}

TEST_P(RecordLayerTest, a_key_update_that_is_asked_for_is_due_once) {
  EXPECT_EQ(open(*client_, seal(*server_, "\x18\0\0\x01\x01"sv, ContentType::handshake)).kind,
            Kind::nothing);
  EXPECT_TRUE(client_->key_update_due());
  std::string out(64, '\0');
  out.resize(client_->seal_key_update(std::as_writable_bytes(std::span<char>(out))));
  EXPECT_FALSE(client_->key_update_due());
  EXPECT_EQ(open(*server_, out).kind, Kind::nothing);
  EXPECT_EQ(open(*server_, seal(*client_, "after")).kind, Kind::data);
}

TEST_P(RecordLayerTest, other_messages_of_a_handshake_are_refused) {
  for (const auto text :
       {"\x18\0\0\x01"sv, "\x18\0\0\x01\x02"sv, "\x18\0\0\x01\0\x18"sv, "\x01\0\0\x01\0"sv, ""sv}) {
    SetUp();
    EXPECT_EQ(open(*client_, seal(*server_, text, ContentType::handshake)).kind, Kind::bad);
  }
  SetUp();
  EXPECT_EQ(open(*client_, seal(*server_, "\x01", ContentType{20})).kind, Kind::bad);
}

TEST_P(RecordLayerTest, records_that_bring_nothing_are_bounded) {
  for (int i = 0; i < 32; ++i) EXPECT_EQ(open(*client_, seal(*server_, "")).kind, Kind::data);
  EXPECT_EQ(open(*client_, seal(*server_, "x")).kind, Kind::data);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(open(*client_, seal(*server_, "")).kind, Kind::data);
  EXPECT_EQ(open(*client_, seal(*server_, "")).kind, Kind::bad);
}

TEST(RecordLayer, looks_at_headers) {
  using Found = RecordLayer::Found::Kind;
  EXPECT_EQ(RecordLayer::look("").kind, Found::part);
  EXPECT_EQ(RecordLayer::look("\x17\x03\x03\x00"sv).kind, Found::part);
  EXPECT_EQ(RecordLayer::look("\x17\x03\x03\x40\x00 "sv).kind, Found::part);
  EXPECT_EQ(RecordLayer::look("\x16"sv).kind, Found::bad) << "only data, from outside";
  EXPECT_EQ(RecordLayer::look("GET / HTTP/1.1"sv).kind, Found::bad);
  const auto large = RecordLayer::look("\x17\x03\x03\x41\x01"sv);
  EXPECT_EQ(large.kind, Found::bad);
  EXPECT_EQ(large.alert, TlsAlert::record_overflow);
  EXPECT_EQ(RecordLayer::look("\x17\x03\x03\x00\x10 "sv).kind, Found::bad) << "no room for a type";
}

TEST(RecordLayer, knows_its_suites) {
  TrafficSecrets secrets;
  secrets.client_size = secrets.server_size = 32;
  EXPECT_NE(RecordLayer::make(kAes128, secrets, 0), nullptr);
  EXPECT_EQ(RecordLayer::make(kAes256, secrets, 0), nullptr) << "its hash is longer";
  EXPECT_EQ(RecordLayer::make(0xc02f, secrets, 0), nullptr) << "of TLS 1.2";
}

}  // namespace
}  // namespace aralez
