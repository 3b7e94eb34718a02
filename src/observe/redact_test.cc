#include "observe/redact.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

TEST(Redact, hides_values_of_secret_parameters_in_every_spelling) {
  std::string scratch = "old";
  const auto shown = [&scratch](std::string_view target) {
    return std::string(redact_target(target, scratch));
  };
  EXPECT_EQ(shown("/x?araleztoken=abc.def.ghi"), "/x?araleztoken=***");
  EXPECT_EQ(shown("/x?a=1&araleztoken=abc&b=2"), "/x?a=1&araleztoken=***&b=2");
  EXPECT_EQ(shown("/x?araleztoken=a&araleztoken=b"), "/x?araleztoken=***&araleztoken=***");
  EXPECT_EQ(shown("/x?%61raleztoke%6E=abc"), "/x?%61raleztoke%6E=***");
  EXPECT_EQ(shown("/x?AralezToken=abc"), "/x?AralezToken=***");
  EXPECT_EQ(shown("/x?a;araleztoken=abc;b"), "/x?a;araleztoken=***;b");
  EXPECT_EQ(shown("/x?y?araleztoken=abc"), "/x?y?araleztoken=***");
  EXPECT_EQ(shown("/conf?key=s3cret"), "/conf?key=***");
  EXPECT_EQ(shown("/x?access_token=t#f"), "/x?access_token=***#f");
  EXPECT_EQ(shown("http://a.test/?key=k"), "http://a.test/?key=***");
  EXPECT_EQ(shown("/x?key="), "/x?key=***");
  EXPECT_EQ(shown("/x?key==k"), "/x?key=***");
}

TEST(Redact, leaves_other_targets_as_they_are_without_a_copy) {
  std::string scratch;
  for (const std::string_view target :
       {"/", "*", "", "/araleztoken=1", "/x?", "/x?a=1&b", "/x?xaraleztoken=1", "/x?araleztoken",
        "/x?araleztoken%=1", "/x?monkey=1", "/x?key%6"})
    EXPECT_EQ(redact_target(target, scratch).data(), target.data()) << target;
  EXPECT_TRUE(scratch.empty());
}

}  // namespace
}  // namespace aralez
