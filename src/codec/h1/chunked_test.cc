#include "codec/h1/chunked.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace aralez::h1 {
namespace {

using Step = ChunkDecoder::Step;

struct Decoded {
  Step end = Step::more;  ///< trailers, more or bad
  std::string body;
  std::string rest;  ///< what the decoder has left
};

/// Feeds `text` in pieces of `piece` bytes, as a codec does.
Decoded decode(std::string_view text, std::size_t piece) {
  ChunkDecoder decoder;
  Decoded out;
  while (true) {
    const auto r = decoder.next(out.rest);
    if (r.step == Step::data) {
      out.body += out.rest.substr(0, r.bytes);
      decoder.take(r.bytes);
    }
    if (r.step == Step::data || r.step == Step::framing) {
      out.rest.erase(0, r.bytes);
      continue;
    }
    out.end = r.step;
    if (r.step != Step::more || text.empty()) break;
    out.rest += text.substr(0, piece);
    text.remove_prefix(std::min(piece, text.size()));
  }
  out.rest += text;
  return out;
}

struct Case {
  std::string_view name;
  std::string text;
  Step end;
  std::string_view body;
  std::string_view rest;
};

class Chunked : public ::testing::TestWithParam<Case> {};

TEST_P(Chunked, is_decoded_alike_whole_and_in_pieces) {
  const Case& c = GetParam();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{5}, c.text.size()}) {
    const auto got = decode(c.text, piece);
    EXPECT_EQ(got.end, c.end) << piece;
    EXPECT_EQ(got.body, c.body) << piece;
    if (c.end == Step::trailers) {
      EXPECT_EQ(got.rest, c.rest) << piece;
    }
  }
}

const std::string kLongest(Limits::kMaxChunkExtension - 1, 'e');

INSTANTIATE_TEST_SUITE_P(
    Cases, Chunked,
    ::testing::Values(
        Case{"empty_body", "0\r\n\r\n", Step::trailers, "", "\r\n"},
        Case{"chunks_in_a_row", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", Step::trailers, "abc", "\r\n"},
        Case{"size_in_any_case", "A\r\n0123456789\r\n0\r\n", Step::trailers, "0123456789", ""},
        Case{"zeros_in_front", "0003\r\nabc\r\n000\r\n", Step::trailers, "abc", ""},
        Case{"data_that_looks_like_framing", "5\r\n0\r\n\r\n\r\n0\r\n", Step::trailers, "0\r\n\r\n",
             ""},
        Case{"extension_ignored", "3;a=b\r\nabc\r\n0;last=\"x;y\"\r\n", Step::trailers, "abc", ""},
        Case{"longest_extension", "3;" + kLongest + "\r\nabc\r\n0\r\n", Step::trailers, "abc", ""},
        Case{"request_behind", "0\r\n\r\nGET / HTTP/1.1\r\n", Step::trailers, "",
             "\r\nGET / HTTP/1.1\r\n"},
        Case{"cut_in_data", "5\r\nabc", Step::more, "abc", ""},
        Case{"cut_in_size", "5", Step::more, "", ""},
        Case{"cut_in_size_line", "5\r", Step::more, "", ""},
        Case{"cut_behind_data", "1\r\na\r", Step::more, "a", ""}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Refused, Chunked,
    ::testing::Values(
        Case{"size_missing", "\r\nabc", Step::bad, "", ""},
        Case{"size_with_sign", "+3\r\nabc", Step::bad, "", ""},
        Case{"size_with_prefix", "0x3\r\nabc", Step::bad, "", ""},
        Case{"size_with_blank_before", " 3\r\nabc", Step::bad, "", ""},
        Case{"size_not_hexadecimal", "g\r\nabc", Step::bad, "", ""},
        Case{"size_with_separator", "1_0\r\nabc", Step::bad, "", ""},
        Case{"size_of_two_to_the_64", "10000000000000000\r\n", Step::bad, "", ""},
        Case{"size_that_wraps", "fffffffffffffffff\r\n", Step::bad, "", ""},
        Case{"size_of_sixteen_digits", "ffffffffffffffff\r\n", Step::bad, "", ""},
        Case{"size_line_with_bare_lf", "3\nabc\r\n0\r\n", Step::bad, "", ""},
        Case{"size_line_with_bare_cr", "3\rabc\r\n", Step::bad, "", ""},
        Case{"data_with_bare_lf_behind", "3\r\nabc\n0\r\n", Step::bad, "abc", ""},
        Case{"data_longer_than_size", "3\r\nabcd\r\n0\r\n", Step::bad, "abc", ""},
        Case{"data_shorter_than_size", "3\r\nab\r\n0\r\n\r\n", Step::bad, "ab\r", ""},
        Case{"extension_without_semicolon", "3 a=b\r\nabc", Step::bad, "", ""},
        Case{"extension_without_name", "3;\r\nabc", Step::bad, "", ""},
        Case{"extension_with_open_quote", "3;a=\"b\r\nabc", Step::bad, "", ""},
        Case{"extension_with_bare_lf", "3;a\nabc\r\n", Step::bad, "", ""},
        Case{"extension_with_control_byte", std::string("3;a\0\r\nabc", 10), Step::bad, "", ""},
        Case{"extension_too_long", "3;e" + kLongest + "\r\nabc\r\n", Step::bad, "", ""},
        Case{"extension_without_end", "3;" + std::string(1000, 'e'), Step::bad, "", ""}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ChunkDecoder, offers_no_more_than_the_chunk_that_is_open) {
  ChunkDecoder decoder;
  ASSERT_EQ(decoder.next("3\r\nabcdef").bytes, 3U);
  const auto data = decoder.next("abcdef");
  EXPECT_EQ(data.step, Step::data);
  EXPECT_EQ(data.bytes, 3U);
  decoder.take(1);  // the caller may take less than was offered
  EXPECT_EQ(decoder.next("bcdef").bytes, 2U);
}

TEST(ChunkDecoder, stays_with_the_trailers_once_the_last_chunk_is_through) {
  ChunkDecoder decoder;
  ASSERT_EQ(decoder.next("0\r\n").bytes, 3U);
  for (const auto* text : {"", "\r\n", "3\r\nabc"})
    EXPECT_EQ(decoder.next(text).step, Step::trailers) << text;
}

TEST(ChunkDecoder, says_why_it_refuses) {
  ChunkDecoder decoder;
  const auto r = decoder.next("zz");
  EXPECT_EQ(r.step, Step::bad);
  EXPECT_FALSE(r.why.empty());
}

}  // namespace
}  // namespace aralez::h1
