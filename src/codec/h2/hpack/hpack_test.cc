#include <array>
#include <numeric>
#include <vector>

#include "codec/h2/hpack/hpack_fixture_test.h"
#include "codec/h2/hpack/huffman.h"
#include "codec/h2/hpack/static_table.h"

namespace aralez::h2 {
namespace {

using testing::bytes;
using testing::hex;
using namespace aralez::testing::hpack;

/// Three requests of one connection, with and without the string code (RFC 7541 appendices C.3,
/// C.4).
TEST(HpackDecoder, reads_the_requests_of_the_rfc) {
  const Lines first{
      {":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}};
  Lines second = first;
  second.emplace_back("cache-control", "no-cache");
  const Lines third{{":method", "GET"},
                    {":scheme", "https"},
                    {":path", "/index.html"},
                    {":authority", "www.example.com"},
                    {"custom-key", "custom-value"}};
  for (const auto& blocks : std::vector<std::array<std::string_view, 3>>{
           {"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"},
           {"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"}}) {
    Reader in;
    EXPECT_EQ(in.read(bytes(blocks[0])), first);
    EXPECT_EQ(in.read(bytes(blocks[1])), second);
    EXPECT_EQ(in.read(bytes(blocks[2])), third);
  }
}

/// RFC 7541 appendix C.6: a table of 256 bytes, whose lines go.
TEST(HpackDecoder, reads_the_responses_of_the_rfc_with_a_small_table) {
  Reader in;
  Lines lines{{":status", "302"},
              {"cache-control", "private"},
              {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
              {"location", "https://www.example.com"}};
  EXPECT_EQ(in.read(bytes("3fe1 01"
                          "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81"
                          "66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3")),
            lines);
  lines[0].second = "307";
  EXPECT_EQ(in.read(bytes("4883 640e ffc1 c0bf")), lines);
  lines[0].second = "200";
  lines[2].second = "Mon, 21 Oct 2013 20:13:22 GMT";
  lines.emplace_back("content-encoding", "gzip");
  lines.emplace_back("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
  EXPECT_EQ(in.read(bytes("88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a"
                          "839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36"
                          "72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07")),
            lines);
}

TEST(HpackDecoder, refuses_what_is_malformed) {
  struct Bad {
    std::string_view what;
    std::string_view block;
  };
  for (const Bad& bad : std::vector<Bad>{
           {"index 0", "80"},
           {"index behind the table", "be"},
           {"index far behind the table", "ffff ffff ff0f"},
           {"index that does not end", "ff"},
           {"index that does not fit", "ffff ffff ff1f"},
           {"index that goes on for ever", "ff80 8080 8080 8000"},
           {"name by an index behind the table", "7e01 61"},
           {"no value", "4001 61"},
           {"name longer than the block", "4005 61"},
           {"value longer than the block", "4001 6102 61"},
           {"value as long as can be", "4001 617f ffff ffff 0f"},
           {"EOS", "4001 6185 ffff ffff ff"},
           {"EOS between characters", "4001 6185 07ff ffff ff"},
           {"padding of zeros", "4001 6181 00"},
           {"padding of a whole byte", "4001 6182 07ff"},
           {"a code that is cut off", "4001 6182 fffe"},
           {"limit above what was offered", "3fe2 1f"},
           {"limit behind a line", "823f e11f"},
       }) {
    Reader in;
    EXPECT_EQ(in.read(bytes(bad.block)), std::nullopt) << bad.what;
  }
}

TEST(HpackDecoder, reads_what_is_unusual) {
  Reader in;
  EXPECT_EQ(in.read(""), Lines{});
  EXPECT_EQ(in.read(bytes("3fe1 1f20 3fe1 1f")), Lines{}) << "limits, and no line";
  EXPECT_EQ(in.read(bytes("ff80 8080 8000 be")), std::nullopt) << "index 127";
  EXPECT_EQ(in.read(bytes("4000 00")), (Lines{{"", ""}})) << "a name of no length is HTTP's matter";
  EXPECT_EQ(in.read(bytes("be")), (Lines{{"", ""}}));
  EXPECT_EQ(in.read(bytes("4001 6180")), (Lines{{"a", ""}})) << "code of no character";
  EXPECT_EQ(in.read(bytes("1001 6101 62 0001 6101 63")), (Lines{{"a", "b"}, {"a", "c"}}));
}

TEST(HpackDecoder, a_line_that_does_not_fit_empties_the_table) {
  Reader in;
  ASSERT_TRUE(in.read(bytes("3f03 4001 6101 62")));  // 34 bytes
  EXPECT_EQ(in.read(bytes("be")), (Lines{{"a", "b"}}));
  EXPECT_EQ(in.read(bytes("4001 6102 6263")), (Lines{{"a", "bc"}}));
  EXPECT_EQ(in.read(bytes("be")), std::nullopt);
}

/// RFC 7541 section 4.4: the name is that of a line which has to go for the new one.
TEST(HpackDecoder, a_line_may_take_its_name_from_the_one_that_it_pushes_out) {
  Reader in;
  ASSERT_TRUE(in.read(bytes("3f04 4002 6e61 01 62")));
  EXPECT_EQ(in.read(bytes("7e01 63")), (Lines{{"na", "c"}}));
  EXPECT_EQ(in.read(bytes("be")), (Lines{{"na", "c"}}));
}

TEST(Hpack, names_of_the_static_table_are_found) {
  for (std::size_t i = 0; i < kStaticTable.size(); ++i) {
    const std::string_view name = kStaticTable[i].name;
    const std::size_t found = static_name(name, hash_name(name));
    ASSERT_TRUE(found > 0 && found <= i + 1) << name;
    EXPECT_EQ(kStaticTable[found - 1].name, name);
    EXPECT_TRUE(found == 1 || kStaticTable[found - 2].name != name) << "the first of them";
  }
  EXPECT_EQ(static_name("x-other", hash_name("x-other")), 0U);
}

TEST(Huffman, every_character_comes_back) {
  std::string all(256, '\0');
  std::iota(all.begin(), all.end(), '\0');
  for (std::size_t from = 0; from < all.size(); ++from)
    for (const std::string& text : {all.substr(from), all.substr(from, 1), all.substr(0, from)}) {
      std::vector<std::byte> code(huffman_size(text));
      huffman_encode(text, code);
      std::vector<char> out(huffman_bound(code.size()));
      const auto n = huffman_decode({reinterpret_cast<const char*>(code.data()), code.size()}, out);
      ASSERT_EQ(n, text.size()) << from;
      EXPECT_EQ(std::string_view(out.data(), *n), text);
    }
}

TEST(HpackEncoder, a_line_that_came_before_takes_a_byte) {
  Writer out;
  const Lines lines{{":status", "200"}, {"content-type", "text/html"}, {"x-own", "one"}};
  const std::string first = out.write(lines);
  EXPECT_EQ(hex(out.write(lines)), "88bfbe");
  Reader in;
  EXPECT_EQ(in.read(first), lines);
  EXPECT_EQ(hex(out.write({{"x-own", "2"}})), "7e0132") << "the name at least";
}

/// RFC 9113 section 8.2.
TEST(HpackEncoder, names_go_out_in_lower_case) {
  Writer out;
  Reader in;
  const std::string name = "X-Own-Name-@[`{\x80\xc1-" + std::string(200, 'Z');
  const Lines low{{lower(name), "One"}};
  EXPECT_EQ(in.read(out.write({{name, "One"}})), low);
  EXPECT_EQ(hex(out.write({{lower(name), "One"}})), "be") << "the same line";
  EXPECT_EQ(hex(out.write({{name, "One"}})), "be");
  EXPECT_NE(hex(out.write({{name, "one"}})), "be") << "values keep their case";
}

TEST(HpackEncoder, what_differs_from_one_message_to_the_next_stays_out_of_the_table) {
  Writer out;
  for (const auto* const name : {":path", "age", "content-length", "etag", "last-modified"}) {
    const Lines line{{name, "value-of-it"}};
    EXPECT_EQ(out.write(line), out.write(line)) << name;
  }
  EXPECT_EQ(out.encoder.memory(), 0U);
  const Lines large{{"x-large", std::string(3000, 'a')}};
  EXPECT_EQ(out.write(large), out.write(large));
}

/// RFC 7541 section 7.1.3: those who pass them on may not index them either.
TEST(HpackEncoder, secrets_are_never_indexed) {
  for (const auto* const name :
       {"authorization", "proxy-authorization", "set-cookie", "x-api-key", "cookie"}) {
    Writer out;
    const Lines line{{name, "secret"}};
    const std::string block = out.write(line);
    EXPECT_EQ(block[0] & 0xf0, 0x10) << name;
    EXPECT_EQ(block, out.write(line));
    Reader in;
    EXPECT_EQ(in.read(block), line);
  }
}

TEST(HpackEncoder, tells_of_limits_in_front_of_the_next_block) {
  Writer out;
  const Lines line{{"x-own", "one"}};
  out.write(line);
  out.encoder.limit_table(0);
  out.encoder.limit_table(100'000);
  EXPECT_EQ(hex(out.write(line)).substr(0, 8), "203fe11f")
      << "none for a time, then all that we want";
  EXPECT_EQ(hex(out.write(line)), "be");
  out.encoder.limit_table(4096);
  EXPECT_EQ(hex(out.write(line)), "be") << "no news";
  out.encoder.limit_table(0);
  EXPECT_EQ(hex(out.write(line)).substr(0, 2), "20");
  EXPECT_NE(hex(out.write(line)), "be");
}

TEST(HpackEncoder, too_little_room_is_not_written_into) {
  HpackEncoder encoder;
  std::array<std::byte, 20> room;
  EXPECT_EQ(encoder.put("x-own", "one", FieldId::other, room), 0U);
}

/// Rule of the data path: steady traffic asks the allocator for nothing, and a peer cannot make us
/// hold more than its tables.
TEST(Hpack, tables_and_scratch_stop_growing) {
  Writer out;
  Reader in;
  std::size_t held = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string n = std::to_string(i);
    const Lines lines{
        {"x-a" + std::to_string(i % 40), std::string(static_cast<std::size_t>(i % 90), 'v')},
        {"x-b", n},
        {"x-c", "same"}};
    ASSERT_EQ(in.read(out.write(lines)), lines);
    if (i == 2000) held = out.encoder.memory() + in.memory();
  }
  EXPECT_EQ(out.encoder.memory() + in.memory(), held);
  EXPECT_LT(held, 24'000U);
}

}  // namespace
}  // namespace aralez::h2
