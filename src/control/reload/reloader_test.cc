#include "control/reload/reloader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "config/file.h"
#include "support/temp_folder.h"

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

class Reload : public testing::TempFolderTest {
 protected:
  Reload() { main_.upstreams_conf = path("upstreams.yaml"); }

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
    reloader_.start([&](auto snapshot) { out = std::move(snapshot); });
    reloader_.reload(cause);
    reloader_.start(nullptr);
    return out;
  }

  MainConfig main_;
  Kept logger_;
  ConfigState state_;
  Diagnostics diagnostics_;
  Reloader reloader_{{.main = main_,
                      .make_chain = [](const RouteConfig&) { return FilterChain(); },
                      .make_registry = nullptr,
                      .files = nullptr,
                      .admin = nullptr,
                      .logger = logger_,
                      .state = state_,
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

TEST_F(Reload, going_back_from_a_broken_save_to_what_runs_is_no_change_but_told_of) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  save("upstreams: [");
  reload();
  save(to("one:1"));
  EXPECT_EQ(reload(), nullptr);
  EXPECT_THAT(logger_.text, HasSubstr("the files are again those of the running configuration"));
  EXPECT_EQ(state_.read().last.result, ReloadResult::unchanged);
  EXPECT_EQ(state_.read().last.messages, "");
  EXPECT_EQ(reload(), nullptr);
  EXPECT_EQ(logger_.text, "") << "once is enough";
  fs::remove(main_.upstreams_conf);
  reload();
  save(to("one:1"));
  reload();
  EXPECT_THAT(logger_.text, HasSubstr("again"));
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

class Submit : public Reload {
 protected:
  /// What was published, or null; `error_` says why not.
  std::shared_ptr<const Snapshot> submit(std::string text,
                                         Reloader::Save keep = Reloader::Save::no) {
    std::shared_ptr<const Snapshot> out;
    logger_.text.clear();
    reloader_.start([&](auto snapshot) { out = std::move(snapshot); });
    const auto done = reloader_.submit("provider: file\n" + std::move(text), keep);
    reloader_.start(nullptr);
    error_ = done ? "" : done.error();
    EXPECT_EQ(done.has_value(), out != nullptr);
    return out;
  }
  [[nodiscard]] std::string saved() const {
    return read_text_file(main_.upstreams_conf, 1 << 20).text;
  }
  static std::string server_of(const std::shared_ptr<const Snapshot>& s, std::size_t i = 0) {
    return s->clusters.at(i).endpoints.at(0).host;
  }
  std::string error_;
};

TEST_F(Submit, publishes_and_leaves_the_file_alone) {
  save(to("one:1"));
  const auto first = start();
  const auto next = submit(to("two:2"));
  ASSERT_NE(next, nullptr) << error_;
  EXPECT_EQ(server_of(next), "two");
  EXPECT_GT(next->generation, first->generation);
  EXPECT_THAT(saved(), HasSubstr("one:1"));
  EXPECT_EQ(state_.read().active->snapshot, next);
  EXPECT_EQ(state_.read().active->origin, ConfigOrigin::api);
}

TEST_F(Submit, is_over_with_the_next_change_of_the_files_or_when_a_reload_is_asked_for) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  ASSERT_NE(submit(to("two:2")), nullptr);
  const auto asked = reload(Reloader::Cause::asked);
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(server_of(asked), "one");
  ASSERT_NE(submit(to("two:2")), nullptr);
  save(to("three:3"));
  EXPECT_EQ(server_of(reload()), "three");
}

TEST_F(Submit, saved_has_become_the_file_and_is_not_applied_again) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  ASSERT_NE(submit(to("two:2"), Reloader::Save::yes), nullptr) << error_;
  EXPECT_EQ(saved(), "provider: file\n" + to("two:2"));
  EXPECT_EQ(reload(), nullptr) << "what the watcher reports is what runs";
  EXPECT_EQ(logger_.text, "");
}

TEST_F(Submit, refused_changes_nothing_and_says_everything_that_is_wrong) {
  save(to("one:1"));
  const auto first = start();
  const std::string bad = "to_https: maybe\nupstreams: {a.test: {paths: {/: {servers: [x]}}}}";
  EXPECT_EQ(submit(bad, Reloader::Save::yes), nullptr);
  EXPECT_THAT(error_, HasSubstr("upstreams.yaml:2:"));
  EXPECT_THAT(error_, HasSubstr("upstreams.yaml:3:"));
  EXPECT_EQ(submit(bad), nullptr);
  EXPECT_THAT(error_, HasSubstr("body:2:"));
  EXPECT_THAT(saved(), HasSubstr("one:1"));
  EXPECT_THAT(logger_.text, HasSubstr("E push refused"));
  const auto seen = state_.read();
  EXPECT_EQ(seen.active->snapshot, first);
  EXPECT_EQ(seen.last.result, ReloadResult::refused);
  EXPECT_EQ(seen.last.messages, error_);
  EXPECT_EQ(seen.attempts[static_cast<std::size_t>(ReloadResult::refused)], 2U);
}

TEST_F(Submit, that_cannot_be_saved_is_not_applied) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  fs::remove(main_.upstreams_conf);
  fs::create_directory(main_.upstreams_conf);
  EXPECT_EQ(submit(to("two:2"), Reloader::Save::yes), nullptr);
  EXPECT_THAT(error_, HasSubstr("upstreams.yaml cannot be written: "));
  EXPECT_EQ(state_.read().active->snapshot->generation, 1U);
}

/// Defect 26.
TEST_F(Submit, keeps_the_hosts_of_conf_d) {
  save(to("one:1"));
  fs::create_directory(folder_ / "conf.d");
  std::ofstream(folder_ / "conf.d/b.yaml") << "b.test: {paths: {/: {servers: [s:1]}}}\n";
  ASSERT_NE(start(), nullptr);
  const auto next = submit(to("two:2"));
  ASSERT_NE(next, nullptr);
  EXPECT_TRUE(next->table.match("b.test", "/").route);
}

TEST_F(Reload, tells_how_attempts_ended) {
  save(to("one:1"));
  ASSERT_NE(start(), nullptr);
  auto seen = state_.read();
  EXPECT_EQ(seen.active->origin, ConfigOrigin::start);
  EXPECT_EQ(seen.last.result, ReloadResult::applied);
  save("upstreams: [");
  reload();
  seen = state_.read();
  EXPECT_EQ(seen.last.origin, ConfigOrigin::file);
  EXPECT_EQ(seen.last.result, ReloadResult::refused);
  EXPECT_THAT(seen.last.messages, HasSubstr("upstreams.yaml:2:13: "));
  save(to("one:1"));
  reload(Reloader::Cause::asked);
  seen = state_.read();
  EXPECT_EQ(seen.last.origin, ConfigOrigin::signal);
  EXPECT_EQ(seen.last.result, ReloadResult::unchanged);
}

}  // namespace
}  // namespace aralez
