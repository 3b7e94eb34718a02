#include "control/acme/account_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "support/temp_folder.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const AccountFiles::Authority kOne{.directory = "https://one/dir",
                                   .new_account = "https://one/new"};
const AccountFiles::Authority kTwo{.directory = "https://two/dir",
                                   .new_account = "https://two/new"};

class Accounts : public testing::TempFolderTest {
 protected:
  Accounts() { fs::create_directories(folder_ / "autoconfigs"); }
  [[nodiscard]] AccountFiles files() const { return AccountFiles(folder_ / "autoconfigs"); }
  [[nodiscard]] fs::path first() const { return folder_ / "autoconfigs/acme_credentials.json"; }
  void save(const std::string& text) const { write("autoconfigs/acme_credentials.json", text); }
  static AcmeAccount account(const std::string& url) { return {*SigningKey::generate(), url}; }
};

TEST_F(Accounts, come_back_as_they_were_kept) {
  EXPECT_FALSE(files().find(kOne)->has_value());
  const auto kept = account("https://one/acct/1");
  ASSERT_TRUE(files().keep(kept, kOne));
  EXPECT_EQ(fs::status(first()).permissions(), fs::perms(0600));
  const auto found = files().find(kOne);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->url, kept.url);
  EXPECT_EQ((*found)->key.point().x, kept.key.point().x);
}

TEST_F(Accounts, of_two_authorities_do_not_disturb_each_other) {
  ASSERT_TRUE(files().keep(account("https://one/acct/1"), kOne));
  const std::string before = content(first());
  EXPECT_FALSE(files().find(kTwo)->has_value());
  ASSERT_TRUE(files().keep(account("https://two/acct/9"), kTwo));
  EXPECT_EQ(content(first()), before);
  EXPECT_EQ((*files().find(kOne))->url, "https://one/acct/1");
  EXPECT_EQ((*files().find(kTwo))->url, "https://two/acct/9");
  ASSERT_TRUE(files().keep(account("https://two/acct/10"), kTwo));
  EXPECT_EQ((*files().find(kTwo))->url, "https://two/acct/10");
  EXPECT_EQ((*files().find(kOne))->url, "https://one/acct/1");
}

TEST_F(Accounts, of_older_versions_name_the_authority_by_its_urls) {
  const auto old = account("https://one/acct/1");
  save(R"({"id":"https://one/acct/1","key_pkcs8":")" + encode_base64url(old.key.pkcs8()) +
       R"(","urls":{"newNonce":"https://one/n","newAccount":"https://one/new"}})");
  fs::permissions(first(), fs::perms(0644));
  const auto found = files().find(kOne);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->url, "https://one/acct/1");
  EXPECT_EQ(fs::status(first()).permissions(), fs::perms(0600));
  EXPECT_FALSE(files().find(kTwo)->has_value());
}

TEST_F(Accounts, that_nobody_can_read_are_neither_used_nor_replaced) {
  for (const std::string text :
       {"", "no json", "[]", R"({"id":"https://one/acct/1"})",
        R"({"id":"https://one/acct/1","directory":"https://one/dir"})",
        R"({"id":"x","key_pkcs8":"AAAA","directory":"https://one/dir"})"}) {
    save(text);
    const auto found = files().find(kOne);
    ASSERT_FALSE(found) << text;
    EXPECT_THAT(found.error(), HasSubstr("acme_credentials.json"));
    EXPECT_FALSE(files().keep(account("https://one/acct/2"), kOne));
    EXPECT_EQ(content(first()), text);
  }
}

}  // namespace
}  // namespace aralez
