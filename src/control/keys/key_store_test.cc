#include "control/keys/key_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "jwt/vectors_test.h"
#include "support/kept_log.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;

class Keys : public ::testing::Test {
 protected:
  ~Keys() override { std::filesystem::remove(path_); }
  void write(std::string_view text) {
    const std::string next = path_ + ".new";
    std::ofstream(next) << text;
    std::filesystem::rename(next, path_);
  }
  template <class Done>
  static bool wait_for(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  [[nodiscard]] KeyPlace file() const { return {.kind = KeyPlace::Kind::file, .text = path_}; }

  const std::string path_ =
      std::filesystem::temp_directory_path() / ("aralez-keys-" + std::to_string(::getpid()));
  testing::KeptLog log_;
};

TEST_F(Keys, one_place_is_one_source_while_a_route_has_it) {
  KeyStore store(log_);
  const auto secret = store.source({.text = "s3cret"});
  EXPECT_EQ(secret->keys()->size(), 1U);
  EXPECT_EQ(store.source({.text = "s3cret"}), secret);
  EXPECT_NE(store.source({.text = "other"}), secret);
  EXPECT_EQ(store.source({})->keys()->size(), 0U);
  const auto keys =
      store.source({.kind = KeyPlace::Kind::keys, .text = std::string(vectors::kJwks)});
  EXPECT_EQ(keys->keys()->size(), 3U);
}

TEST_F(Keys, nothing_is_fetched_before_the_start) {
  write(vectors::kRsaPem);
  KeyStore store(log_);
  EXPECT_EQ(store.source(file())->keys()->size(), 1U);
  const auto url = store.source({.kind = KeyPlace::Kind::url, .text = "https://127.0.0.1:1/jwks"});
  EXPECT_EQ(url->keys(), nullptr);
  EXPECT_EQ(log_.text().find("https"), std::string::npos);
}

TEST_F(Keys, of_a_file_follow_it_and_the_last_good_ones_stay) {
  write(vectors::kRsaPem);
  KeyStore store(log_);
  store.start();
  const auto source = store.source(file());
  ASSERT_NE(source->keys(), nullptr);
  EXPECT_EQ(source->keys()->size(), 1U);
  const auto version = source->version();
  write(vectors::kJwks);
  ASSERT_TRUE(wait_for([&] { return source->version() != version; }));
  EXPECT_EQ(source->keys()->size(), 3U);
  write("broken");
  ASSERT_TRUE(wait_for([&] { return log_.text().contains("the last ones stay in use"); }));
  EXPECT_EQ(source->keys()->size(), 3U);
}

TEST_F(Keys, that_cannot_be_had_are_said_once) {
  KeyStore store(log_);
  store.start();
  EXPECT_EQ(store.source(file())->keys(), nullptr);
  const auto url = store.source({.kind = KeyPlace::Kind::url, .text = "https://127.0.0.1:1/jwks"});
  EXPECT_EQ(url->keys(), nullptr);
  EXPECT_THAT(log_.text(), HasSubstr("https://127.0.0.1:1/jwks: no keys for tokens"));
  EXPECT_THAT(log_.text(), HasSubstr("its routes answer 503"));
}

}  // namespace
}  // namespace aralez
