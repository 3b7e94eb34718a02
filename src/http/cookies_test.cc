#include "http/cookies.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace aralez {
namespace {

class Cookies : public ::testing::Test {
 protected:
  void line(std::string_view value) { fields_.add(arena_, {"cookie", value, FieldId::cookie}); }
  std::vector<std::string> all(std::string_view name) {
    std::vector<std::string> out;
    find_cookie(fields_, name, [&out](std::string_view value) {
      out.emplace_back(value);
      return false;
    });
    return out;
  }
  BlockPool pool_;
  Arena arena_{pool_};
  Fields fields_;
};

TEST_F(Cookies, finds_none_where_there_are_none) {
  EXPECT_TRUE(all("id").empty());
  line("");
  line(" ; ;; ");
  EXPECT_TRUE(all("id").empty());
}

TEST_F(Cookies, wants_the_whole_name_in_its_case) {
  line("xid=1; id2=2; Id=3; id; =id=4; id =5; a=id=6");
  EXPECT_TRUE(all("id").empty());
}

TEST_F(Cookies, gives_values_as_they_came) {
  line("id=; b=2;id=a=b;\tid=\"q\" ;id=x y");
  EXPECT_EQ(all("id"), (std::vector<std::string>{"", "a=b", "\"q\"", "x y"}));
}

TEST_F(Cookies, reads_all_lines_until_it_is_told_to_stop) {
  line("a=1");
  fields_.add(arena_, {"x-cookie", "id=no"});
  line("id=1");
  line("id=2; id=3");
  EXPECT_EQ(all("id"), (std::vector<std::string>{"1", "2", "3"}));
  int seen = 0;
  find_cookie(fields_, "id", [&seen](std::string_view value) {
    ++seen;
    return value == "2";
  });
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace aralez
