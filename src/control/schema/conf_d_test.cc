#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "control/schema/upstreams_config.h"
#include "support/temp_folder.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class ConfD : public testing::TempFolderTest {
 protected:
  ConfD() { fs::create_directory(folder_ / "conf.d"); }
  LoadedUpstreams load() {
    diagnostics_ = {};
    return load_upstreams((folder_ / "upstreams.yaml").string(), diagnostics_);
  }
  static std::string route_to(std::string_view host, std::string_view server) {
    return std::string(host) + ": {paths: {/: {servers: ['" + std::string(server) + "']}}}\n";
  }

  Diagnostics diagnostics_;
};

TEST_F(ConfD, files_are_merged_by_name_and_beat_the_main_file) {
  write("upstreams.yaml", "provider: file\nupstreams:\n  " + route_to("a", "main:1"));
  write("conf.d/20.yaml", route_to("b", "late:1"));
  write("conf.d/10.yaml", route_to("b", "early:1") + route_to("a", "split:1"));
  write("conf.d/30.txt", "not: [read");
  const auto got = load();
  ASSERT_EQ(got.status, LoadedUpstreams::Status::loaded) << diagnostics_.render();
  ASSERT_EQ(got.config.hosts.size(), 2U);
  EXPECT_EQ(got.config.hosts[0].paths[0].servers[0].host, "split");
  EXPECT_EQ(got.config.hosts[1].paths[0].servers[0].host, "late");
}

TEST_F(ConfD, is_read_only_beside_an_upstreams_mapping) {
  write("conf.d/a.yaml", route_to("a", "s:1"));
  write("upstreams.yaml", "provider: file\nupstreams: {}\n");
  EXPECT_EQ(load().config.hosts.size(), 1U);
  write("upstreams.yaml", "provider: file\nupstreams:\n");
  EXPECT_EQ(load().config.hosts.size(), 0U);
  EXPECT_THAT(diagnostics_.render(), HasSubstr("conf.d is not read"));
}

TEST_F(ConfD, mistakes_name_their_file_and_refuse_the_whole) {
  write("upstreams.yaml", "provider: file\nto_https: maybe\nupstreams: {}\n");
  write("conf.d/a.yaml", "a: {paths: {/: {servers: [x]}}}\n");
  write("conf.d/b.yaml", "b: [\n");
  write("conf.d/c.yaml", "upstreams: {c: {}}\n");
  write("conf.d/d.yaml", "to_https: true\n");
  EXPECT_EQ(load().status, LoadedUpstreams::Status::broken);
  EXPECT_EQ(diagnostics_.errors(), 5U) << diagnostics_.render();
  for (const auto* file : {"upstreams.yaml:2:", "a.yaml:1:", "b.yaml:", "c.yaml:1:", "d.yaml:1:"})
    EXPECT_THAT(diagnostics_.render(), HasSubstr(file));
}

TEST_F(ConfD, an_empty_file_adds_nothing_and_a_wrong_ending_warns) {
  write("upstreams.yaml", "provider: file\nupstreams: {}\n");
  write("conf.d/a.yaml", "# later\n");
  write("conf.d/b.yml", route_to("b", "s:1"));
  EXPECT_EQ(load().status, LoadedUpstreams::Status::loaded);
  EXPECT_THAT(diagnostics_.render(), HasSubstr("b.yml: warning: not read"));
}

TEST_F(ConfD, hidden_files_do_not_count) {
  write("upstreams.yaml", "provider: file\nupstreams: {}\n");
  write("conf.d/a.yaml", route_to("a", "s:1"));
  const auto before = load();
  write("conf.d/.b.yaml", route_to("b", "s:1"));
  write("conf.d/.c.yaml", "half: [");
  write("conf.d/.d.yml", "");
  fs::create_symlink("user@host.123", folder_ / "conf.d/.#a.yaml");  // a lock of Emacs
  const auto after = load();
  EXPECT_EQ(after.status, LoadedUpstreams::Status::loaded);
  EXPECT_EQ(after.config.hosts.size(), 1U);
  EXPECT_EQ(after.fingerprint, before.fingerprint);
  EXPECT_EQ(diagnostics_.render(), "");
}

TEST_F(ConfD, a_missing_main_file_is_empty_with_a_warning) {
  const auto got = load();
  EXPECT_EQ(got.status, LoadedUpstreams::Status::missing);
  EXPECT_FALSE(diagnostics_.has_errors());
  EXPECT_EQ(diagnostics_.warnings(), 1U);
}

TEST_F(ConfD, the_fingerprint_changes_with_any_file_and_only_then) {
  write("upstreams.yaml", "provider: file\nupstreams: {}\n");
  const auto first = load().fingerprint;
  EXPECT_EQ(load().fingerprint, first);
  write("conf.d/a.yaml", route_to("a", "s:1"));
  const auto second = load().fingerprint;
  EXPECT_NE(second, first);
  fs::rename(folder_ / "conf.d/a.yaml", folder_ / "conf.d/b.yaml");
  EXPECT_NE(load().fingerprint, second);
  write("upstreams.yaml", "provider: [\n");
  const auto broken = load();
  EXPECT_EQ(broken.status, LoadedUpstreams::Status::broken);
  EXPECT_NE(broken.fingerprint, first);
}

TEST(ConfDFolder, lies_beside_the_upstreams_file) {
  EXPECT_EQ(conf_d_of("/srv/x/upstreams.yaml"), "/srv/x/conf.d");
  EXPECT_EQ(conf_d_of("upstreams.yaml"), "conf.d");
}

TEST_F(ConfD, is_merged_with_a_text_in_place_of_the_main_file_too) {
  const std::string text = "provider: file\nupstreams:\n  " + route_to("a", "main:1");
  write("upstreams.yaml", text);
  write("conf.d/a.yaml", route_to("b", "split:1"));
  const std::string path = (folder_ / "upstreams.yaml").string();
  const auto pushed = load_upstreams_text(text, "body", path, diagnostics_);
  ASSERT_EQ(pushed.status, LoadedUpstreams::Status::loaded) << diagnostics_.render();
  EXPECT_EQ(pushed.config.hosts.size(), 2U);
  EXPECT_EQ(pushed.config.hosts[0].source.to_string(), "body:3");
  EXPECT_EQ(pushed.fingerprint, load().fingerprint) << "saved as it is, it is no change";
  EXPECT_EQ(load_upstreams_text("provider: [", "body", path, diagnostics_).status,
            LoadedUpstreams::Status::broken);
  EXPECT_THAT(diagnostics_.render(), HasSubstr("body:1:12: "));
}

}  // namespace
}  // namespace aralez
