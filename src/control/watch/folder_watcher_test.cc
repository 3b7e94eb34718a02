#include "control/watch/folder_watcher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <vector>

#include "control/watch/fingerprint.h"
#include "support/temp_folder.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;

constexpr auto kDeadline = std::chrono::seconds(30);
constexpr Millis kNever = std::chrono::hours(1);

void save(const fs::path& file, std::string_view text) {
  std::ofstream(file) << text;
}
void save_by_rename(const fs::path& file, std::string_view text) {
  const fs::path temp = file.parent_path() / "4913.tmp";
  save(temp, text);
  fs::rename(temp, file);
}
void point_link(const fs::path& link, const fs::path& target) {
  const fs::path temp = link.parent_path() / "..data_tmp";
  fs::create_symlink(target, temp);
  fs::rename(temp, link);
}

using Fingerprint = testing::TempFolderTest;

TEST_F(Fingerprint, depends_on_content_and_presence_not_on_how_it_was_saved) {
  const WatchSpec spec{{(folder_ / "a").string()}, {}};
  const auto absent = fingerprint(spec, 1);
  save(folder_ / "a", "one");
  const auto one = fingerprint(spec, 1);
  EXPECT_NE(one, absent);
  EXPECT_NE(one, fingerprint(spec, 2));
  save_by_rename(folder_ / "a", "one");
  EXPECT_EQ(fingerprint(spec, 1), one);
  save(folder_ / "a", "");
  EXPECT_NE(fingerprint(spec, 1), absent);
  EXPECT_NE(fingerprint(spec, 1), one);
}

TEST_F(Fingerprint, tells_which_file_holds_what) {
  const WatchSpec spec{{(folder_ / "a").string(), (folder_ / "b").string()}, {}};
  save(folder_ / "a", "xy");
  save(folder_ / "b", "");
  const auto first = fingerprint(spec, 1);
  save(folder_ / "a", "x");
  save(folder_ / "b", "y");
  EXPECT_NE(fingerprint(spec, 1), first);
}

TEST_F(Fingerprint, counts_the_files_of_a_folder_by_their_ending) {
  const WatchedFolder folder{folder_.string(), {".yaml"}};
  save(folder_ / "b.yaml", "b");
  save(folder_ / "a.yaml", "a");
  save(folder_ / ".a.yaml", "swap");
  save(folder_ / "a.yaml~", "backup");
  EXPECT_THAT(list_files(folder),
              ::testing::ElementsAre((folder_ / "a.yaml").string(), (folder_ / "b.yaml").string()));
  const auto before = fingerprint({{}, {folder}}, 1);
  save(folder_ / "notes.txt", "x");
  EXPECT_EQ(fingerprint({{}, {folder}}, 1), before);
  fs::remove(folder_ / "b.yaml");
  EXPECT_NE(fingerprint({{}, {folder}}, 1), before);
  EXPECT_TRUE(list_files({(folder_ / "none").string(), {".yaml"}}).empty());
}

TEST_F(Fingerprint, a_pipe_in_place_of_a_file_does_not_hold_it_up) {
  ASSERT_EQ(::mkfifo((folder_ / "a").c_str(), 0600), 0);
  const WatchSpec spec{{(folder_ / "a").string()}, {}};
  EXPECT_EQ(fingerprint(spec, 1), fingerprint(spec, 1));
}

/// A watcher on one file (and a folder); what the file held at each call is kept.
class FolderWatcherTest : public Fingerprint {
 protected:
  FolderWatcherTest() {
    fs::create_directory(folder_ / "etc");
    file_ = folder_ / "etc/upstreams.yaml";
    save(file_, "first");
  }

  void watch(WatchOptions options = {
                 .quiet = Millis(20), .max_delay = Millis(200), .poll = Millis(20)}) {
    WatchSpec spec{{file_.string()}, {{(folder_ / "etc/conf.d").string(), {".yaml"}}}};
    watcher_ = std::make_unique<FolderWatcher>(
        std::move(spec), log_, [this](WatchReport r) { on_call(r); }, options);
  }
  void start(WatchOptions options = {
                 .quiet = Millis(20), .max_delay = Millis(200), .poll = Millis(20)}) {
    watch(options);
    watcher_->start();
  }
  void on_call(WatchReport report) {
    const std::lock_guard lock(mutex_);
    reports_.push_back(report);
    seen_.push_back(content(file_));
    called_.notify_all();
  }
  /// True when `what` holds after some call, at once or within the deadline.
  template <class What>
  [[nodiscard]] bool eventually(What what) {
    std::unique_lock lock(mutex_);
    return called_.wait_for(lock, kDeadline, what);
  }
  [[nodiscard]] bool sees(std::string_view text) {
    return eventually([&] { return !seen_.empty() && seen_.back() == text; });
  }
  [[nodiscard]] std::size_t calls() {
    const std::lock_guard lock(mutex_);
    return reports_.size();
  }
  /// Pre: there were more than `i` calls.
  [[nodiscard]] WatchReport report(std::size_t i) {
    const std::lock_guard lock(mutex_);
    return reports_.at(i);
  }
  [[nodiscard]] bool sees_calls(std::size_t n) {
    return eventually([&] { return reports_.size() >= n; });
  }

  fs::path file_;
  NullLogger log_;
  std::mutex mutex_;
  std::condition_variable called_;
  std::vector<WatchReport> reports_;
  std::vector<std::string> seen_;
  std::unique_ptr<FolderWatcher> watcher_;
};

TEST_F(FolderWatcherTest, notices_a_plain_save) {
  start();
  save(file_, "second");
  ASSERT_TRUE(sees("second"));
  EXPECT_TRUE(report(0).changed);
  EXPECT_FALSE(report(0).poked);
}

TEST_F(FolderWatcherTest, notices_writes_to_a_file_that_stays_open) {
  start({.quiet = kNever, .max_delay = kNever, .poll = kNever, .unfinished_quiet = Millis(20)});
  std::ofstream out(file_, std::ios::app);
  out << "+more" << std::flush;
  EXPECT_TRUE(sees("first+more"));
  out << "+again" << std::flush;
  EXPECT_TRUE(sees("first+more+again"));
}

TEST_F(FolderWatcherTest, leaves_a_file_alone_until_whoever_writes_it_has_closed_it) {
  start({.quiet = Millis(0),
         .max_delay = Millis(0),
         .poll = kNever,
         .unfinished_quiet = kNever,
         .unfinished_max_delay = kNever});
  std::string whole;
  {
    std::ofstream out(file_);
    for (int i = 0; i < 500; ++i) {
      out << i << std::flush;
      whole += std::to_string(i);
    }
  }
  ASSERT_TRUE(sees(whole));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(seen_, std::vector<std::string>{whole});
}

TEST_F(FolderWatcherTest, constant_writing_does_not_put_it_off_for_ever) {
  start({.quiet = kNever,
         .max_delay = kNever,
         .poll = kNever,
         .unfinished_quiet = kNever,
         .unfinished_max_delay = Millis(50)});
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  std::ofstream out(file_);
  while (calls() < 2) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    out << "more" << std::flush;
  }
}

TEST_F(FolderWatcherTest, notices_each_atomic_rename) {
  start();
  for (const auto* text : {"second", "third", "fourth"}) {
    save_by_rename(file_, text);
    ASSERT_TRUE(sees(text));
  }
}

TEST_F(FolderWatcherTest, notices_what_happened_between_its_making_and_its_start) {
  watch();
  save(file_, "early");
  watcher_->start();
  EXPECT_TRUE(sees("early"));
}

TEST_F(FolderWatcherTest, notices_the_swap_of_a_config_map) {
  fs::create_directory(folder_ / "etc/..1");
  fs::create_directory(folder_ / "etc/..2");
  save(folder_ / "etc/..1/upstreams.yaml", "map one");
  save(folder_ / "etc/..2/upstreams.yaml", "map two");
  fs::remove(file_);
  fs::create_symlink("..1", folder_ / "etc/..data");
  fs::create_symlink("..data/upstreams.yaml", file_);
  start();
  point_link(folder_ / "etc/..data", "..2");
  fs::remove_all(folder_ / "etc/..1");
  ASSERT_TRUE(sees("map two"));
  fs::create_directory(folder_ / "etc/..3");
  save(folder_ / "etc/..3/upstreams.yaml", "map three");
  point_link(folder_ / "etc/..data", "..3");
  fs::remove_all(folder_ / "etc/..2");
  ASSERT_TRUE(sees("map three"));
  save(folder_ / "etc/..3/upstreams.yaml", "edited behind the links");
  EXPECT_TRUE(sees("edited behind the links"));
}

TEST_F(FolderWatcherTest, notices_the_swap_of_a_link_above_the_folder) {
  fs::create_directories(folder_ / "v1/etc");
  fs::create_directories(folder_ / "v2/etc");
  save(folder_ / "v1/etc/upstreams.yaml", "v1");
  save(folder_ / "v2/etc/upstreams.yaml", "v2");
  fs::create_symlink(folder_ / "v1", folder_ / "live");  // absolute target
  file_ = folder_ / "live/etc/upstreams.yaml";
  start();
  point_link(folder_ / "live", "v2");
  ASSERT_TRUE(sees("v2"));
  save(folder_ / "v2/etc/../etc/upstreams.yaml", "v2 edited");
  EXPECT_TRUE(sees("v2 edited"));
}

TEST_F(FolderWatcherTest, survives_links_that_go_round_in_circles) {
  start();
  fs::remove(file_);
  fs::create_symlink("upstreams.yaml", file_);
  ASSERT_TRUE(sees(""));
  save_by_rename(file_, "straight again");
  EXPECT_TRUE(sees("straight again"));
}

TEST_F(FolderWatcherTest, after_several_quick_saves_the_last_one_counts) {
  start();
  for (int i = 0; i < 50; ++i) save(file_, "save " + std::to_string(i));
  EXPECT_TRUE(sees("save 49"));
}

TEST_F(FolderWatcherTest, waits_for_quiet_before_it_looks) {
  start({.quiet = Millis(300), .max_delay = kNever, .poll = kNever});
  for (int i = 0; i < 20; ++i) save_by_rename(file_, "save " + std::to_string(i));
  ASSERT_TRUE(sees("save 19"));
  EXPECT_LT(calls(), 20U);
}

TEST_F(FolderWatcherTest, constant_change_does_not_put_it_off_for_ever) {
  start({.quiet = kNever, .max_delay = Millis(50), .poll = kNever});
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  for (int i = 0; calls() < 2; ++i) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    save_by_rename(file_, "churn " + std::to_string(i));
  }
}

TEST_F(FolderWatcherTest, a_deleted_file_is_a_change_and_so_is_its_return) {
  start();
  fs::remove(file_);
  ASSERT_TRUE(sees(""));
  save(file_, "back");
  EXPECT_TRUE(sees("back"));
}

TEST_F(FolderWatcherTest, the_folder_may_go_away_and_come_back) {
  start();
  fs::remove_all(folder_ / "etc");
  ASSERT_TRUE(sees(""));
  fs::create_directory(folder_ / "etc");
  save(file_, "new folder");
  ASSERT_TRUE(sees("new folder"));
  fs::rename(folder_ / "etc", folder_ / "old");
  ASSERT_TRUE(sees(""));
  fs::rename(folder_ / "old", folder_ / "etc");
  ASSERT_TRUE(sees("new folder"));
  save(file_, "still watched");
  EXPECT_TRUE(sees("still watched"));
}

TEST_F(FolderWatcherTest, nothing_needs_to_exist_at_the_start) {
  file_ = folder_ / "a/b/c/upstreams.yaml";
  start();
  fs::create_directories(folder_ / "a/b/c");
  save(file_, "appeared");
  EXPECT_TRUE(sees("appeared"));
}

TEST_F(FolderWatcherTest, files_beside_the_watched_ones_do_not_matter) {
  std::ofstream log(folder_ / "etc/server.log");
  start({.quiet = Millis(200), .max_delay = kNever, .poll = kNever});
  for (int i = 0; i < 200; ++i) log << "line " << i << std::endl;
  save(folder_ / "etc/other.yaml", "x");
  fs::create_directories(folder_ / "etc/autoconfigs");
  save(folder_ / "etc/autoconfigs/deep.yaml", "x");
  save_by_rename(file_, "second");  // one event
  ASSERT_TRUE(sees("second"));
  EXPECT_EQ(calls(), 1U);
  EXPECT_EQ(watcher_->checks(), 1U) << "something else made it read the files";
}

TEST_F(FolderWatcherTest, a_save_of_the_same_content_is_no_change) {
  start();
  save_by_rename(file_, "first");
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (watcher_->checks() == 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    std::this_thread::yield();
  }
  EXPECT_EQ(calls(), 0U);
  save_by_rename(file_, "second");
  ASSERT_TRUE(sees("second"));
  EXPECT_EQ(calls(), 1U);
}

TEST_F(FolderWatcherTest, notices_a_split_folder_that_is_added_later_and_its_files) {
  start();
  fs::create_directory(folder_ / "etc/conf.d");
  save(folder_ / "etc/conf.d/a.yaml", "a");
  ASSERT_TRUE(sees_calls(1));
  auto before = calls();
  save(folder_ / "etc/conf.d/b.yaml", "b");
  ASSERT_TRUE(sees_calls(before + 1));
  before = calls();
  save(folder_ / "etc/conf.d/a.yaml", "a, edited");
  ASSERT_TRUE(sees_calls(before + 1));
  before = calls();
  fs::remove(folder_ / "etc/conf.d/b.yaml");
  EXPECT_TRUE(sees_calls(before + 1));
}

TEST_F(FolderWatcherTest, a_poke_calls_back_without_a_change_and_says_so) {
  start({.quiet = kNever, .max_delay = kNever, .poll = kNever});
  watcher_->poke();
  ASSERT_TRUE(sees_calls(1));
  EXPECT_TRUE(report(0).poked);
  EXPECT_FALSE(report(0).changed);
  save(file_, "second");
  watcher_->poke();
  ASSERT_TRUE(sees_calls(2));
  EXPECT_TRUE(report(1).poked);
  EXPECT_TRUE(report(1).changed);
}

TEST_F(FolderWatcherTest, may_be_destroyed_unstarted_and_while_busy) {
  watch();
  watcher_.reset();
  start({.quiet = Millis(0), .max_delay = Millis(0), .poll = kNever});
  for (int i = 0; i < 20; ++i) save(file_, std::to_string(i));
  watcher_.reset();
}

TEST_F(FolderWatcherTest, looks_at_times_when_inotify_cannot_be_had) {
  watch();  // UBSan needs a descriptor to look at a type for the first time
  watcher_.reset();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};  // nothing can be opened
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  watch({.quiet = Millis(0), .max_delay = Millis(0), .poll = Millis(5)});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  watcher_->start();
  ASSERT_TRUE(sees("first"));
  save(file_, "second");
  EXPECT_TRUE(sees("second"));
}

// The set alone, without a thread.

TEST_F(FolderWatcherTest, only_events_of_watched_names_count) {
  fs::create_directory(folder_ / "etc/conf.d");
  std::ofstream log(folder_ / "etc/upstreams.yaml.log");
  const WatchSpec spec{{file_.string()}, {{(folder_ / "etc/conf.d").string(), {".yaml"}}}};
  WatchSet set(spec);
  log << "line" << std::endl;
  save(folder_ / "etc/other.yaml", "x");
  save(folder_ / "etc/conf.d/.a.yaml.swp", "x");
  save(folder_ / "etc/conf.d/.a.yaml", "x");
  save(folder_ / "etc/conf.d/README", "x");
  fs::create_directory(folder_ / "beside");
  EXPECT_FALSE(set.drain());
  save(folder_ / "etc/conf.d/a.yaml", "x");
  EXPECT_TRUE(set.drain());
  EXPECT_FALSE(set.drain());
  std::ofstream(file_, std::ios::app) << "x";
  EXPECT_TRUE(set.drain());
  static_cast<void>(content(file_));
  EXPECT_FALSE(set.drain()) << "reading is no change";
  EXPECT_EQ(set.blind(), 0);
}

TEST_F(FolderWatcherTest, an_overflow_of_the_event_queue_counts_as_a_change) {
  const WatchSpec spec{{file_.string()}, {}};
  WatchSet set(spec);
  std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
  std::size_t most = 0;
  limit >> most;
  if (most == 0 || most > 100'000) GTEST_SKIP() << "queue of " << most << " events";
  for (std::size_t i = 0; i <= most / 2; ++i) {  // two events each, none of them ours
    const UniqueFd fd(
        ::open((folder_ / "etc" / ("x" + std::to_string(i))).c_str(), O_CREAT | O_WRONLY, 0600));
    fs::remove(folder_ / "etc" / ("x" + std::to_string(i)));
  }
  bool found = false;
  for (int i = 0; i < 1000 && !found; ++i) found = set.drain();
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace aralez
