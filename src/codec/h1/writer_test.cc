#include "codec/h1/writer.h"

#include <gtest/gtest.h>

#include "memory/byte_sink.h"

namespace aralez::h1 {
namespace {

class Writer : public ::testing::Test {
 protected:
  Chain chain(std::initializer_list<std::string_view> texts) {
    Chain out;
    for (const auto text : texts) {
      BlockRef block = pool_.take_sized(text.size());
      std::copy(text.begin(), text.end(), reinterpret_cast<char*>(block.bytes().data()));
      const auto bytes = block.bytes().first(text.size());
      out.push_back(Piece(Slice(std::move(block), bytes)));
    }
    return out;
  }
  std::uint64_t send(std::initializer_list<std::string_view> texts, End end) {
    return body_.send(sink_, chain(texts), end);
  }

  BlockPool pool_;
  Arena arena_{pool_};
  memory::ByteSink sink_;
  BodyWriter body_;
};

TEST_F(Writer, puts_framing_behind_the_fields_of_a_request) {
  Head head;
  head.method_text = "PUT";
  head.target = "/a?b";
  head.fields.add(arena_, {"Host", "a.test"});
  head.fields.add(arena_, {"Empty", ""});
  write_request_head(
      sink_, head,
      {.mode = BodyMode::length, .write_length = true, .length = 42, .expect_continue = true});
  EXPECT_EQ(sink_.text(),
            "PUT /a?b HTTP/1.1\r\nHost: a.test\r\nEmpty: \r\nContent-Length: 42\r\n"
            "Expect: 100-continue\r\n\r\n");
}

TEST_F(Writer, writes_1_1_and_a_reason_phrase_of_its_own_where_there_is_none) {
  Head head;
  head.status = 404;
  head.version = HttpVersion::http10;
  write_response_head(sink_, head, {.mode = BodyMode::chunked, .connection = "close"});
  EXPECT_EQ(sink_.text(),
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  sink_.clear();
  head.reason = "Gone Fishing";
  write_response_head(sink_, head, {});
  EXPECT_EQ(sink_.text(), "HTTP/1.1 404 Gone Fishing\r\n\r\n");
}

TEST_F(Writer, needs_no_more_room_than_it_asked_for_at_any_length_of_name_and_value) {
  for (std::size_t n = 1; n < 60; ++n) {
    const std::string name(n, 'N');
    const std::string value(60 - n, 'v');
    Head head;
    head.status = 200;
    head.fields.add(arena_, {name, value});
    sink_.clear();  // hands out exactly the room asked for
    write_response_head(sink_, head,
                        {.mode = BodyMode::chunked,
                         .write_length = true,
                         .length = UINT64_MAX,
                         .connection = "Upgrade",
                         .upgrade = "websocket"});
    ASSERT_EQ(sink_.text(), "HTTP/1.1 200 OK\r\n" + name + ": " + value +
                                "\r\nContent-Length: 18446744073709551615\r\n"
                                "Transfer-Encoding: chunked\r\nConnection: Upgrade\r\n"
                                "Upgrade: websocket\r\n\r\n");
  }
}

TEST_F(Writer, makes_one_chunk_of_what_is_sent_together) {
  body_.start(BodyMode::chunked, 0);
  EXPECT_EQ(send({"abc", "defghijklmnop"}, End::no), 0U);
  EXPECT_EQ(send({"q"}, End::yes), 0U);
  EXPECT_EQ(sink_.text(), "10\r\nabcdefghijklmnop\r\n1\r\nq\r\n0\r\n\r\n");
  EXPECT_EQ(sink_.credit(), 17U);
}

TEST_F(Writer, makes_no_chunk_of_nothing_since_that_would_end_the_body) {
  body_.start(BodyMode::chunked, 0);
  EXPECT_EQ(send({}, End::no), 0U);
  EXPECT_EQ(send({""}, End::no), 0U);
  EXPECT_EQ(sink_.text(), "");
  EXPECT_EQ(send({}, End::yes), 0U);
  EXPECT_EQ(sink_.text(), "0\r\n\r\n");
}

TEST_F(Writer, counts_down_an_announced_length_and_adds_nothing) {
  body_.start(BodyMode::length, 5);
  EXPECT_EQ(send({"ab"}, End::no), 0U);
  EXPECT_EQ(body_.left(), 3U);
  EXPECT_EQ(send({"cde"}, End::yes), 0U);
  EXPECT_EQ(body_.left(), 0U);
  EXPECT_EQ(body_.queued(), 5U);
  EXPECT_EQ(sink_.text(), "abcde");
}

TEST_F(Writer, drops_the_body_of_a_message_that_has_none_and_says_how_much) {
  body_.start(BodyMode::none, 0);
  EXPECT_EQ(send({"abc", "de"}, End::yes), 5U);
  EXPECT_EQ(sink_.text(), "");
  EXPECT_EQ(body_.queued(), 0U);
}

TEST_F(Writer, passes_a_raw_body_as_it_is) {
  body_.start(BodyMode::raw, 0);
  EXPECT_EQ(send({"a", "b"}, End::no), 0U);
  EXPECT_EQ(send({}, End::yes), 0U);
  EXPECT_EQ(sink_.text(), "ab");
}

TEST_F(Writer, puts_trailers_behind_the_last_chunk_and_drops_them_where_there_is_none) {
  Fields trailers;
  trailers.add(arena_, {"X-Sum", "1"});
  body_.start(BodyMode::length, 0);
  body_.send_trailers(sink_, trailers);
  EXPECT_EQ(sink_.text(), "");
  body_.start(BodyMode::chunked, 0);
  body_.send_trailers(sink_, trailers);
  EXPECT_EQ(sink_.text(), "0\r\nX-Sum: 1\r\n\r\n");
}

}  // namespace
}  // namespace aralez::h1
