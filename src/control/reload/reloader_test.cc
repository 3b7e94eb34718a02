#include "control/reload/reloader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class Kept final : public Logger {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }
  void write(LogLevel level, std::string_view, std::string_view message) override {
    text += (level == LogLevel::error ? "E " : level == LogLevel::warn ? "W " : "I ");
    text.append(message).append("\n");
  }
  std::string text;
};

class Reload : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "aralez-reload-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    main_.upstreams_conf = (folder_ / "upstreams.yaml").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  void save(std::string_view text) {
    std::ofstream(main_.upstreams_conf) << "provider: file\n" << text << "\n";
  }
  static std::string to(std::string_view server) {
    return "upstreams: {a.test: {paths: {/: {servers: ['" + std::string(server) + "']}}}}";
  }
  std::shared_ptr<const Snapshot> start() {
    diagnostics_ = {};
    return reloader_.load_first(diagnostics_);
  }
  /// What was published, or null.
  std::shared_ptr<const Snapshot> reload(Reloader::Cause cause = Reloader::Cause::changed) {
    std::shared_ptr<const Snapshot> out;
    logger_.text.clear();
    reloader_.reload(cause, [&](auto snapshot) { out = std::move(snapshot); });
    return out;
  }

  fs::path folder_;
  MainConfig main_;
  Kept logger_;
  Diagnostics diagnostics_;
  Reloader reloader_{{.main = main_,
                      .make_chain = [](const RouteConfig&) { return FilterChain(); },
                      .files = nullptr,
                      .admin = nullptr,
                      .logger = logger_,
                      .hash_key = 1}};
};

TEST_F(Reload, publishes_a_good_save_as_the_next_generation) {
  save(to("one:1"));
  const auto first = start();
  ASSERT_NE(first, nullptr) << diagnostics_.render();
  save(to("two:2"));
  const auto second = reload();
  ASSERT_NE(second, nullptr);
  EXPECT_GT(second->generation, first->generation);
  EXPECT_EQ(second->clusters[0].endpoints[0].host, "two");
  EXPECT_THAT(logger_.text, HasSubstr("a.test/ -> two:2"));
}

TEST_F(Reload, a_broken_save_changes_nothing_and_every_mistake_is_logged) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  save("to_https: maybe\nupstreams: {a.test: {paths: {/: {servers: [x]}}}}");
  EXPECT_EQ(reload(), nullptr);
  EXPECT_THAT(logger_.text, HasSubstr("E reload refused"));
  EXPECT_THAT(logger_.text, HasSubstr("upstreams.yaml:2:"));
  EXPECT_THAT(logger_.text, HasSubstr("upstreams.yaml:3:"));
  save(to("two:2"));
  EXPECT_NE(reload(), nullptr) << "the next good save applies";
}

TEST_F(Reload, a_save_that_changes_no_byte_is_none) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  save(to("one:1"));
  EXPECT_EQ(reload(), nullptr);
  EXPECT_EQ(logger_.text, "");
  EXPECT_EQ(reload(Reloader::Cause::asked), nullptr);
  EXPECT_THAT(logger_.text, HasSubstr("nothing has changed"));
}

TEST_F(Reload, going_back_from_a_broken_save_to_what_runs_is_no_change) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  save("upstreams: [");
  EXPECT_EQ(reload(), nullptr);
  save(to("one:1"));
  EXPECT_EQ(reload(), nullptr);
  EXPECT_EQ(logger_.text, "");
}

TEST_F(Reload, starts_empty_without_a_file_and_takes_it_when_it_appears) {
  const auto first = start();
  ASSERT_NE(first, nullptr);
  EXPECT_TRUE(first->routes.empty());
  EXPECT_THAT(logger_.text, HasSubstr("W " + main_.upstreams_conf + " does not exist"));
  EXPECT_EQ(reload(), nullptr);
  save(to("one:1"));
  EXPECT_NE(reload(), nullptr);
}

TEST_F(Reload, keeps_what_runs_when_the_file_is_gone) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  fs::remove(main_.upstreams_conf);
  EXPECT_EQ(reload(), nullptr);
  EXPECT_THAT(logger_.text, HasSubstr("the running configuration stays"));
}

TEST_F(Reload, does_not_start_on_a_broken_file) {
  save("upstreams: [");
  EXPECT_EQ(start(), nullptr);
  EXPECT_TRUE(diagnostics_.has_errors());
}

TEST_F(Reload, notices_a_change_in_conf_d) {
  save("upstreams: {}");
  ASSERT_NE(start(), nullptr);
  fs::create_directory(folder_ / "conf.d");
  std::ofstream(folder_ / "conf.d/b.yaml") << "b.test: {paths: {/: {servers: [s:1]}}}\n";
  const auto next = reload();
  ASSERT_NE(next, nullptr);
  EXPECT_TRUE(next->table.match("b.test", "/").route);
}

TEST_F(Reload, says_which_routes_answer_503_for_want_of_authorization) {
  save("authorization: {type: forward, data: 'http://hunter2'}\n" + to("one:1"));
  ASSERT_NE(start(), nullptr);
  EXPECT_THAT(logger_.text, HasSubstr("answer 503"));
  EXPECT_THAT(logger_.text, HasSubstr("\na.test/ ("));
  EXPECT_THAT(logger_.text, Not(HasSubstr("hunter2")));
}

TEST_F(Reload, says_which_routes_no_token_can_pass) {
  save("authorization: {type: jwt}\n" + to("one:1"));
  ASSERT_NE(start(), nullptr);
  EXPECT_THAT(logger_.text, HasSubstr("jwt without a key"));
  EXPECT_THAT(logger_.text, HasSubstr("\na.test/ ("));
}

TEST_F(Reload, says_when_the_common_secret_of_tokens_is_short) {
  main_.master_key = "hunter2";
  save("authorization: {type: jwt}\n" + to("one:1"));
  ASSERT_NE(start(), nullptr);
  EXPECT_THAT(logger_.text, HasSubstr("master_key has less than 32 bytes"));
  EXPECT_THAT(logger_.text, Not(HasSubstr("hunter2")));
}

TEST_F(Reload, refuses_to_drop_all_routes_for_a_provider_that_is_not_built) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  std::ofstream(main_.upstreams_conf)
      << "provider: consul\nconsul: {services: [{hostname: a, upstream: b}]}\n";
  EXPECT_EQ(reload(), nullptr);
  EXPECT_THAT(logger_.text, HasSubstr("only the provider \"file\""));
}

}  // namespace
}  // namespace aralez
