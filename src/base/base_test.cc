#include <fcntl.h>
#include <gtest/gtest.h>

#include <set>

#include "base/ascii.h"
#include "base/constant_time.h"
#include "base/hash.h"
#include "base/intrusive_list.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/utf8.h"

namespace aralez {
namespace {

TEST(Ascii, lower_cases_ascii_letters_and_nothing_else) {
  EXPECT_EQ(lower("AZ[az@\xc4\xe4"), "az[az@\xc4\xe4");
  EXPECT_TRUE(iequals("Host", "hOST"));
  EXPECT_FALSE(iequals("K", "\xe2\x84\xaa")) << "the Kelvin sign is no k";
  EXPECT_FALSE(iequals("@", "`")) << "these differ in bit 5 alone";
}

TEST(Ascii, token_equals_agrees_with_iequals_for_every_byte_that_a_token_may_hold) {
  for (const std::string_view known :
       {"te", "host", "expect", "cookie", "upgrade", "keep-alive", "content-length",
        "x-forwarded-for", "transfer-encoding", "proxy-authorization"}) {
    for (std::size_t at = 0; at < known.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        if (!is_token_char(static_cast<char>(c))) continue;
        std::string token(known);
        token[at] = static_cast<char>(c);
        ASSERT_EQ(token_equals(token, known), iequals(token, known)) << token;
      }
    }
    EXPECT_FALSE(token_equals(std::string(known) + "x", known));
    EXPECT_FALSE(token_equals(known.substr(1), known));
  }
}

TEST(Ascii, token_characters_are_those_of_rfc_9110) {
  std::string all;
  for (int c = 0; c < 256; ++c)
    if (is_token_char(static_cast<char>(c))) all += static_cast<char>(c);
  EXPECT_EQ(all, "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
}

TEST(Ascii, list_elements_are_trimmed_and_empty_ones_skipped) {
  const auto elements = [](std::string_view list) {
    std::string out;
    for_each_element(list, [&](std::string_view e) { out.append("<").append(e).append(">"); });
    return out;
  };
  EXPECT_EQ(elements("a, b ,\t c d\t,,"), "<a><b><c d>");
  EXPECT_EQ(elements(""), "");
  EXPECT_EQ(elements(" , ,"), "");
  EXPECT_EQ(trim_ows(" \t a b \t"), "a b");
  EXPECT_EQ(trim_ows("\r\n"), "\r\n");
}

TEST(Ascii, hexadecimal_digits_in_both_cases) {
  EXPECT_EQ(hex_value('9'), 9);
  EXPECT_EQ(hex_value('a'), 10);
  EXPECT_EQ(hex_value('F'), 15);
  for (const char c : {'g', 'G', '/', ':', '@', '`', '\0', '\xff'}) EXPECT_EQ(hex_value(c), -1);
}

std::uint64_t hash_of(std::uint64_t key, std::string_view text) {
  KeyedHash h(key);
  h.add(text);
  return h.value();
}

TEST(KeyedHash, goes_by_chunks) {
  KeyedHash h(5);
  h.add("/a");
  KeyedHash longer = h;
  longer.add("/path");
  EXPECT_EQ(h.value(), hash_of(5, "/a"));
  KeyedHash again(5);
  again.add("/a");
  again.add("/path");
  EXPECT_EQ(longer.value(), again.value());
  EXPECT_NE(longer.value(), hash_of(5, "/a/path")) << "other chunks, other value";
}

TEST(KeyedHash, tells_apart_texts_whose_tails_are_read_alike) {
  std::set<std::uint64_t> seen;
  std::size_t made = 0;
  for (const char a : {'a', 'b', 'c', '`'}) {
    for (const char b : {'a', 'b', 'c', '`'}) {
      for (std::size_t n = 1; n <= 16; ++n, ++made) {
        std::string text(n, a);
        text.back() = b;
        if (n == 1) text = std::string(1, a) + b + "long enough to be another";
        seen.insert(hash_of(7, text));
      }
    }
  }
  EXPECT_EQ(seen.size(), made);
}

TEST(KeyedHash, depends_on_key_order_and_every_byte) {
  EXPECT_NE(hash_of(1, "a"), hash_of(2, "a"));
  EXPECT_NE(hash_of(1, "ab"), hash_of(1, "ba"));
  EXPECT_NE(hash_of(1, ""), hash_of(1, std::string_view("\0", 1)));
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 20'000; ++i) seen.insert(hash_of(9, "/api/v1/item/" + std::to_string(i)));
  EXPECT_EQ(seen.size(), 20'000U);
  for (const std::uint64_t key : {0ULL, ~0ULL, 0x9e3779b97f4a7c15ULL})
    EXPECT_NE(hash_of(key, "a"), hash_of(key, "b")) << "no key makes everything collide";
}

struct Item : ListNode {
  explicit Item(int n) : number(n) {}
  int number;
};

TEST(IntrusiveList, keeps_order_and_forgets_what_is_destroyed) {
  IntrusiveList<Item> list;
  Item a(1), c(3), front(0);
  {
    Item b(2);
    list.push_back(a);
    list.push_back(b);
    list.push_back(c);
    EXPECT_TRUE(b.linked());
  }
  list.push_front(front);
  IntrusiveList<Item> other;
  list.splice_to(other);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(other.pop_front().number, 0);
  EXPECT_EQ(other.pop_front().number, 1);
  EXPECT_EQ(other.front().number, 3);
  c.unlink();
  c.unlink();
  EXPECT_TRUE(other.empty());
}

TEST(IntrusiveList, leaves_its_items_unlinked_when_it_goes_first) {
  Item a(1);
  {
    IntrusiveList<Item> list;
    list.push_back(a);
  }
  EXPECT_FALSE(a.linked());
}

TEST(UniqueFd, closes_once_whoever_holds_it_last) {
  const int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(raw, 0);
  {
    UniqueFd a(raw);
    UniqueFd b(std::move(a));
    EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): what is tested
    EXPECT_EQ(b.get(), raw);
    EXPECT_GE(::fcntl(raw, F_GETFD), 0);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
  UniqueFd kept(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int released = kept.release();
  kept.reset();
  EXPECT_GE(::fcntl(released, F_GETFD), 0);
  UniqueFd close_it(released);
}

TEST(Result, carries_a_value_or_what_went_wrong_and_where) {
  const Result<int> good = 5;
  const Result<int> bad = fail(Errc::limit, Origin::upstream, "too much");
  EXPECT_EQ(good.value(), 5);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Errc::limit);
  EXPECT_EQ(bad.error().origin, Origin::upstream);
  EXPECT_EQ(bad.error().what, "too much");
}

TEST(SameSecret, takes_the_secret_and_nothing_else) {
  EXPECT_TRUE(same_secret("hunter2", "hunter2"));
  for (const char* wrong : {"", "h", "hunter", "hunter1", "Hunter2", "hunter22", "hunter2hunter2"})
    EXPECT_FALSE(same_secret("hunter2", wrong)) << wrong;
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_FALSE(same_secret("", "x"));
}

TEST(Utf8, is_what_rfc_3629_says) {
  for (const char* good : {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xff", "a\xe2\x82"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

}  // namespace
}  // namespace aralez
