#include "filter/sticky/book.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace aralez {
namespace {

using std::chrono::seconds;

std::string id(StickyBook& book, std::string_view host, std::uint16_t port) {
  return std::string(book.of(host, port, seconds(60))->id());
}

TEST(StickyEndpoint, says_what_browsers_keep) {
  const StickyEndpoint e(std::string(50, 'a'), seconds(3600));
  const std::string plain =
      "backend_id=" + std::string(50, 'a') + "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax";
  EXPECT_EQ(e.set_cookie(false), plain);
  EXPECT_EQ(e.set_cookie(true), plain + "; Secure");
  EXPECT_EQ(e.id(), std::string(50, 'a'));
}

TEST(StickyBook, same_key_same_ids_in_every_process) {
  StickyBook a("one key");
  StickyBook b("one key");
  StickyBook other("another");
  EXPECT_EQ(id(a, "10.0.0.1", 8000), id(b, "10.0.0.1", 8000));
  EXPECT_NE(id(a, "10.0.0.1", 8000), id(other, "10.0.0.1", 8000));
  // What users have in their browsers: it must not change with a version of the program.
  EXPECT_EQ(id(a, "10.0.0.1", 8000), "adf2f918eb30f0047909d7d8e16821361a10da8a4b20912f34");
}

TEST(StickyBook, ids_are_fifty_lower_case_hex_digits) {
  StickyBook book("k");
  const std::string made = id(book, "app.test", 80);
  EXPECT_EQ(made.size(), 50U);
  EXPECT_TRUE(std::ranges::all_of(
      made, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }));
}

TEST(StickyBook, without_a_key_ids_are_of_this_process_alone) {
  StickyBook a("");
  StickyBook b("");
  EXPECT_EQ(id(a, "10.0.0.1", 8000), id(a, "10.0.0.1", 8000));
  EXPECT_NE(id(a, "10.0.0.1", 8000), id(b, "10.0.0.1", 8000));
}

TEST(StickyBook, address_and_port_alone_count_in_whatever_spelling) {
  StickyBook book("k");
  EXPECT_NE(id(book, "10.0.0.1", 8000), id(book, "10.0.0.1", 8001));
  EXPECT_NE(id(book, "10.0.0.1", 8000), id(book, "10.0.0.2", 8000));
  EXPECT_EQ(id(book, "::1", 80), id(book, "0:0:0:0:0:0:0:1", 80));
  EXPECT_EQ(id(book, "::1", 80), id(book, "[::1]", 80));
}

TEST(StickyBook, gives_one_text_to_all_who_use_it_and_forgets_it_afterwards) {
  StickyBook book("k");
  auto first = book.of("10.0.0.1", 1, seconds(60));
  EXPECT_EQ(first, book.of("10.0.0.1", 1, seconds(60)));
  EXPECT_NE(first, book.of("10.0.0.1", 1, seconds(61)));
  for (std::uint16_t port = 1; port < 10'000; ++port)
    static_cast<void>(book.of("10.0.0.1", port, seconds(60)));
  EXPECT_LE(book.size(), 64U);
  EXPECT_EQ(first, book.of("10.0.0.1", 1, seconds(60)));
}

}  // namespace
}  // namespace aralez
