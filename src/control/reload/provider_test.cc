#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>

#include "config/file.h"
#include "control/reload/reloader.h"
#include "support/kept_log.h"
#include "support/temp_folder.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// What a registry says, which tests change.
struct Said {
  std::mutex mutex;
  std::condition_variable_any changed;
  int version = 0;
  std::string trouble;  ///< not empty: it does not answer
  std::map<std::string, std::vector<std::string>> servers;
  int made = 0;
};

class FakeRegistry final : public ServiceRegistry {
 public:
  explicit FakeRegistry(Said& said) : said_(said) {}
  void follow(const std::vector<ServiceKey>& services, ServiceListener& listener,
              const std::stop_token& stop) override {
    std::unique_lock lock(said_.mutex);
    for (int seen = -1; !stop.stop_requested();) {
      seen = said_.version;
      for (const ServiceKey& key : services) {
        std::vector<ServerConfig> servers;
        for (const auto& host : said_.servers[key.name])
          servers.push_back({.host = host, .port = 80});
        const std::string trouble = said_.trouble;
        lock.unlock();
        if (trouble.empty())
          listener.found(key, std::move(servers));
        else
          listener.failed(key, trouble);
        lock.lock();
      }
      said_.changed.wait(lock, stop, [&] { return said_.version != seen; });
    }
  }

 private:
  Said& said_;
};

constexpr const char* kKnown = "services.json";

class Providers : public testing::TempFolderTest {
 protected:
  Providers() {
    main_.upstreams_conf = path("upstreams.yaml");
    said_.servers["web"] = {"one"};
  }

  static std::string of_consul(std::string_view more = "") {
    return "provider: consul\n" + std::string(more) +
           "consul: {services: [{hostname: a.test, upstream: web}]}\n";
  }
  static std::string of_file() {
    return "provider: file\nupstreams: {a.test: {paths: {/: {servers: ['file:1']}}}}\n";
  }
  void save(const std::string& text) { std::ofstream(main_.upstreams_conf) << text; }
  [[nodiscard]] std::string saved() const {
    return read_text_file(main_.upstreams_conf, 1 << 20).text;
  }
  void say(const std::function<void(Said&)>& what) {
    const std::lock_guard lock(said_.mutex);
    what(said_);
    ++said_.version;
    said_.changed.notify_all();
  }
  std::shared_ptr<const Snapshot> start() {
    auto first = reloader_.load_first(diagnostics_);
    reloader_.start([this](std::shared_ptr<const Snapshot> next) {
      const std::lock_guard lock(mutex_);
      published_ = std::move(next);
      news_.notify_all();
    });
    return first;
  }
  /// The hosts of the servers of a.test once they are these.
  [[nodiscard]] bool becomes(const std::vector<std::string>& hosts) {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, 10s, [&] { return published_ && hosts_of(*published_) == hosts; });
  }
  static std::vector<std::string> hosts_of(const Snapshot& snapshot) {
    std::vector<std::string> out;
    for (const auto& endpoint : snapshot.clusters.at(0).endpoints) out.push_back(endpoint.host);
    return out;
  }

  MainConfig main_;
  testing::KeptLog logger_;
  ConfigState state_;
  Diagnostics diagnostics_;
  Said said_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::shared_ptr<const Snapshot> published_;
  Reloader reloader_{{.main = main_,
                      .make_chain = [](const RouteConfig&) { return FilterChain(); },
                      .make_registry =
                          [this](const UpstreamsConfig&) {
                            ++said_.made;
                            return std::make_unique<FakeRegistry>(said_);
                          },
                      .files = nullptr,
                      .admin = nullptr,
                      .logger = logger_,
                      .state = state_,
                      .hash_key = 1,
                      .known_file = path(kKnown)}};
};

using Strings = std::vector<std::string>;

TEST_F(Providers, of_the_start_has_its_servers_in_the_first_configuration) {
  save(of_consul());
  const auto first = start();
  ASSERT_NE(first, nullptr) << diagnostics_.render();
  EXPECT_EQ(hosts_of(*first), Strings{"one"});
}

TEST_F(Providers, that_does_not_answer_at_the_start_has_routes_without_servers_until_it_does) {
  said_.trouble = "http://x: refused";
  save(of_consul());
  const auto first = start();
  ASSERT_NE(first, nullptr);
  EXPECT_TRUE(first->table.match("a.test", "/").route);
  EXPECT_EQ(hosts_of(*first), Strings{});
  EXPECT_THAT(logger_.text(), HasSubstr("web: http://x: refused"));
  say([](Said& s) { s.trouble.clear(); });
  EXPECT_TRUE(becomes({"one"}));
}

TEST_F(Providers, that_do_not_answer_at_the_start_have_the_servers_of_the_last_run) {
  std::ofstream(path(kKnown)) << R"({"provider": "consul", "services": [
      {"name": "web", "port": "", "servers": ["old:80"], "answered": 5}]})";
  said_.trouble = "http://x: refused";
  save(of_consul());
  const auto first = start();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(hosts_of(*first), Strings{"old"});
  say([](Said& s) { s.trouble.clear(); });
  EXPECT_TRUE(becomes({"one"}));
  reloader_.stop();
  EXPECT_THAT(read_text_file(path(kKnown), 10'000).text, HasSubstr("one:80"));
}

TEST_F(Providers, that_cannot_keep_what_they_know_say_so_once) {
  std::filesystem::create_directory(path(kKnown));
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  say([](Said& s) { s.servers["web"] = {"two"}; });
  EXPECT_TRUE(becomes({"two"}));
  reloader_.stop();
  const std::string said = logger_.text();
  const auto first = said.find("will not outlive a restart");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(said.find("will not outlive a restart", first + 1), std::string::npos);
}

TEST_F(Providers, follow_what_the_registry_says) {
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  say([](Said& s) { s.servers["web"] = {"two", "one", "two"}; });
  EXPECT_TRUE(becomes({"one", "two"}));
  EXPECT_EQ(state_.read().active->origin, ConfigOrigin::discovery);
  EXPECT_THAT(logger_.text(), HasSubstr("web has 2 servers: +two:80"));
  say([](Said& s) { s.servers["web"].clear(); });
  EXPECT_TRUE(becomes({}));
}

TEST_F(Providers, whose_servers_change_do_not_hide_how_the_last_attempt_ended) {
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  EXPECT_FALSE(reloader_.submit("provider: [", Reloader::Save::no));
  say([](Said& s) { s.servers["web"] = {"two"}; });
  EXPECT_TRUE(becomes({"two"}));
  const auto seen = state_.read();
  EXPECT_EQ(seen.last.result, ReloadResult::refused);
  EXPECT_EQ(seen.attempts[std::to_underlying(ReloadResult::applied)], 1U);
}

TEST_F(Providers, that_name_this_program_as_a_server_are_warned_of_once) {
  main_.config_address = *SocketAddress::from_ip("127.0.0.1", 80);
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  for (const auto& more : {"two", "three"}) {
    say([&](Said& s) { s.servers["web"] = {"127.0.0.1", more}; });
    EXPECT_TRUE(becomes({"127.0.0.1", more}));
  }
  const std::string said = logger_.text();
  const auto first = said.find("leads to config_address");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(said.find("leads to config_address", first + 1), std::string::npos);
}

/// Defect 7.
TEST_F(Providers, keep_the_servers_while_the_registry_does_not_answer) {
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  say([](Said& s) { s.trouble = "gone", s.servers.clear(); });
  save(of_consul("to_https: true\n"));
  reloader_.reload(Reloader::Cause::changed);
  EXPECT_TRUE(becomes({"one"}));
  EXPECT_TRUE(state_.read().active->config.to_https);
  EXPECT_EQ(said_.made, 1) << "the same questions: no new discovery";
  say([](Said& s) { s.trouble.clear(), s.servers["web"] = {"two"}; });
  EXPECT_TRUE(becomes({"two"})) << "the same discovery goes on";
}

TEST_F(Providers, are_followed_on_when_a_push_with_the_same_questions_is_refused) {
  said_.trouble = "refused";
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  EXPECT_FALSE(reloader_.submit(of_consul("to_https: true\n"), Reloader::Save::no));
  say([](Said& s) { s.trouble.clear(); });
  EXPECT_TRUE(becomes({"one"}));
}

TEST_F(Providers, are_followed_on_when_a_push_cannot_be_saved) {
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  std::filesystem::remove(main_.upstreams_conf);
  std::filesystem::create_directory(main_.upstreams_conf);
  EXPECT_FALSE(reloader_.submit(of_consul("to_https: true\n"), Reloader::Save::yes));
  say([](Said& s) { s.servers["web"] = {"two"}; });
  EXPECT_TRUE(becomes({"two"}));
}

TEST_F(Providers, know_of_services_what_they_knew_before_others_were_asked_for) {
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  say([](Said& s) { s.trouble = "gone"; });
  save(
      "provider: consul\nconsul: {services: [{hostname: a.test, upstream: web},"
      "{hostname: b.test, upstream: api}]}\n");
  reloader_.reload(Reloader::Cause::changed);
  EXPECT_TRUE(becomes({"one"}));
  EXPECT_EQ(said_.made, 2);
}

/// A mistyped address or token would take the place of one that is right.
TEST_F(Providers, of_another_registry_have_to_answer_whatever_is_known) {
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  const std::string other =
      "provider: consul\nconsul: {token: new, services: [{hostname: a.test, upstream: web}]}\n";
  said_.trouble = "status 403";
  EXPECT_EQ(reloader_.submit(other, Reloader::Save::no).error(), "consul: web: status 403\n");
  EXPECT_EQ(state_.read().active->config.consul->token, "");
  save(other);
  reloader_.reload(Reloader::Cause::changed);
  EXPECT_EQ(state_.read().active->config.consul->token, "");
  say([](Said& s) { s.trouble.clear(); });
  EXPECT_TRUE(becomes({"one"})) << "the same servers";
  EXPECT_EQ(state_.read().active->config.consul->token, "new");
}

/// Defect 26.
TEST_F(Providers, are_switched_by_a_push_and_back) {
  save(of_file());
  ASSERT_NE(start(), nullptr);
  ASSERT_TRUE(reloader_.submit(of_consul(), Reloader::Save::yes));
  EXPECT_TRUE(becomes({"one"}));
  EXPECT_EQ(saved(), of_consul());
  EXPECT_EQ(state_.read().active->config.provider, Provider::consul);
  ASSERT_TRUE(reloader_.submit(of_file(), Reloader::Save::no));
  EXPECT_TRUE(becomes({"file"}));
  reloader_.reload(Reloader::Cause::asked);
  EXPECT_TRUE(becomes({"one"}));
}

TEST_F(Providers, pushed_whose_registry_does_not_answer_change_nothing) {
  save(of_file());
  const auto first = start();
  said_.trouble = "http://x: refused";
  const auto done = reloader_.submit(of_consul(), Reloader::Save::yes);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error(), "consul: web: http://x: refused\n");
  EXPECT_EQ(saved(), of_file());
  EXPECT_EQ(state_.read().active->snapshot, first);
  say([](Said& s) { s.trouble.clear(); });
  reloader_.reload(Reloader::Cause::asked);
  EXPECT_EQ(state_.read().active->snapshot, first);
}

TEST_F(Providers, of_a_file_run_when_their_registry_has_answered) {
  save(of_file());
  const auto first = start();
  said_.trouble = "http://x: refused";
  save(of_consul());
  reloader_.reload(Reloader::Cause::changed);
  EXPECT_EQ(state_.read().active->snapshot, first);
  EXPECT_EQ(state_.read().last.result, ReloadResult::refused);
  EXPECT_THAT(state_.read().last.messages, HasSubstr("it runs as soon as there is an answer"));
  reloader_.reload(Reloader::Cause::asked);  // the same once more
  say([](Said& s) { s.trouble.clear(); });
  EXPECT_TRUE(becomes({"one"}));
  EXPECT_EQ(state_.read().active->origin, ConfigOrigin::signal);
}

TEST_F(Providers, that_nobody_waits_for_any_more_do_not_come) {
  save(of_file());
  const auto first = start();
  said_.trouble = "refused";
  save(of_consul());
  reloader_.reload(Reloader::Cause::changed);
  save(of_file());
  reloader_.reload(Reloader::Cause::changed);
  EXPECT_EQ(state_.read().last.result, ReloadResult::unchanged);
  say([](Said& s) { s.trouble.clear(); });
  reloader_.reload(Reloader::Cause::asked);
  EXPECT_EQ(state_.read().active->snapshot, first);
}

TEST_F(Providers, end_while_the_registry_says_new_things) {
  save(of_consul());
  ASSERT_NE(start(), nullptr);
  for (int i = 0; i < 5; ++i) {
    say([i](Said& s) { s.servers["web"] = {std::to_string(i)}; });
    save(i % 2 == 0 ? of_file() : of_consul());
    reloader_.reload(Reloader::Cause::changed);
  }
  reloader_.stop();
}

}  // namespace
}  // namespace aralez
