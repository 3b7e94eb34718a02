#include "filter/question_marks.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

class Marks : public ::testing::Test {
 protected:
  std::string keep(std::initializer_list<std::string_view> lines) {
    fields_ = Fields();
    fields_.add(arena_, {"Host", "a.test", FieldId::host});
    for (const auto line : lines)
      fields_.add(arena_, {QuestionMarks::kField, line, FieldId::aralez_question});
    std::string kept(marks_.keep_own(fields_));
    EXPECT_EQ(fields_.size(), kept.empty() ? 1U : 2U);
    EXPECT_EQ(fields_.value(FieldId::aralez_question), kept);
    return kept;
  }

  BlockPool pool_;
  Arena arena_{pool_};
  Fields fields_;
  QuestionMarks marks_{"master"};
};

TEST_F(Marks, are_of_a_route_and_the_same_wherever_the_key_is) {
  const std::string mark = marks_.of("a.test", "/x");
  EXPECT_EQ(mark.size(), QuestionMarks::kMarkSize);
  EXPECT_EQ(mark, QuestionMarks("master").of("a.test", "/x"));
  for (const std::string& other :
       {marks_.of("a.test", "/y"), marks_.of("b.test", "/x"), marks_.of("a.test\n/", "x"),
        QuestionMarks("other").of("a.test", "/x"), QuestionMarks("").of("a.test", "/x")})
    EXPECT_NE(mark, other);
  EXPECT_NE(QuestionMarks("").of("a.test", "/x"), QuestionMarks("").of("a.test", "/x"));
}

TEST_F(Marks, that_were_made_here_stay) {
  const std::string one = marks_.of("a.test", "/"), two = marks_.of("b.test", "/");
  EXPECT_EQ(keep({}), "");
  EXPECT_EQ(keep({one}), one);
  EXPECT_EQ(keep({one + ", " + two}), one + ", " + two);
}

TEST_F(Marks, that_were_not_are_taken_out_with_all_beside_them) {
  const std::string own = marks_.of("a.test", "/"), foreign = QuestionMarks("").of("a.test", "/");
  EXPECT_EQ(keep({foreign}), "");
  EXPECT_EQ(keep({own + ", " + foreign}), "");
  EXPECT_EQ(keep({own, own}), "") << "two lines are not ours";
  std::string many = own;
  for (std::size_t i = 1; i < QuestionMarks::kMost; ++i) many += ", " + own;
  EXPECT_EQ(keep({many}), many);
  EXPECT_EQ(keep({many + ", " + own}), "");
  for (const std::string& wrong :
       {std::string(), std::string("1"), own + ",", own + ", ", own + ",  " + own, own + "; " + own,
        " " + own, own.substr(1), own + "A", std::string(QuestionMarks::kMarkSize, 'A'),
        std::string(QuestionMarks::kMarkSize, '\0')})
    EXPECT_EQ(keep({wrong}), "") << wrong;
  for (std::size_t i = 0; i < own.size(); ++i) {
    std::string changed = own;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(keep({changed}), "") << i;
  }
}

TEST_F(Marks, lead_back_to_those_that_they_name) {
  const std::string one = marks_.of("a.test", "/"), two = marks_.of("b.test", "/");
  EXPECT_FALSE(QuestionMarks::lead_back("", one));
  EXPECT_FALSE(QuestionMarks::lead_back(two, one));
  EXPECT_TRUE(QuestionMarks::lead_back(one, one));
  EXPECT_TRUE(QuestionMarks::lead_back(two + ", " + one, one));
  std::string many = two;
  for (std::size_t i = 1; i < QuestionMarks::kMost; ++i) {
    EXPECT_FALSE(QuestionMarks::lead_back(many, one)) << i;
    many += ", " + two;
  }
  EXPECT_TRUE(QuestionMarks::lead_back(many, one)) << "none would fit behind them";
}

}  // namespace
}  // namespace aralez
