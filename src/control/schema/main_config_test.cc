#include "control/schema/main_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "control/schema/said_test.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

constexpr std::string_view kLeast =
    "upstreams_conf: /srv/upstreams.yaml\n"
    "proxy_address_http: 0.0.0.0:8080\n"
    "config_address: 127.0.0.1:3000\n"
    "config_api_enabled: true\n"
    "hc_interval: 2\n"
    "hc_method: HEAD\n"
    "log_level: info\n";

/// The least file, with `more` behind it; a key of `more` replaces that of the least file.
std::string with(std::string_view more) {
  std::string out;
  for (std::string_view rest = kLeast; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n') + 1);
    const auto key = line.substr(0, line.find(':') + 1);
    if (!more.starts_with(key) && more.find("\n" + std::string(key)) == std::string_view::npos)
      out += line;
    rest.remove_prefix(line.size());
  }
  return out.append(more).append("\n");
}

struct Main : Said {
  explicit Main(std::string_view more) : config(parse_main(with(more), "main.yaml", diagnostics)) {}
  std::optional<MainConfig> config;
};

TEST(MainConfig, needs_seven_keys_and_has_defaults_for_the_rest) {
  const Main m("");
  ASSERT_TRUE(m.config) << m.said();
  EXPECT_EQ(m.said(), "");
  EXPECT_EQ(m.config->proxy_address_http.to_string(), "0.0.0.0:8080");
  EXPECT_EQ(m.config->threads, 1U);
  EXPECT_EQ(m.config->pid_file.path, "/tmp/aralez.pid");
  EXPECT_EQ(m.config->access_log, AccessLogMode::off);
  EXPECT_EQ(m.config->limits.max_retries, 16U);
  EXPECT_EQ(m.config->limits.upstream_keepalive_pool_size, 128U);
  EXPECT_EQ(m.config->grace_period, 300s);
  EXPECT_EQ(m.config->tcp_keepalive_idle, std::nullopt);
}

TEST(MainConfig, names_every_required_key_that_is_missing_at_once) {
  Diagnostics d;
  EXPECT_FALSE(parse_main("threads: 1\n", "main.yaml", d));
  for (const auto* key : {"upstreams_conf", "proxy_address_http", "config_address",
                          "config_api_enabled", "hc_interval", "hc_method", "log_level"})
    EXPECT_THAT(d.render(), HasSubstr("main.yaml:1:1: " + std::string(key) + ": missing; write "));
  EXPECT_EQ(d.errors(), 7U);
}

struct Text {
  std::string_view name, more;
};
std::string name_of(const ::testing::TestParamInfo<Text>& test) {
  return std::string(test.param.name);
}

class AcceptedMain : public ::testing::TestWithParam<Text> {};
TEST_P(AcceptedMain, without_a_word) {
  const Main m(GetParam().more);
  EXPECT_TRUE(m.config);
  EXPECT_EQ(m.said(), "");
}
INSTANTIATE_TEST_SUITE_P(
    Spellings, AcceptedMain,
    ::testing::Values(
        Text{"hc_method_in_any_case", "hc_method: get"}, Text{"hexadecimal", "hc_interval: 0x10"},
        Text{"octal", "hc_interval: 0o17"}, Text{"with_plus", "hc_interval: +5"},
        Text{"v6_listener", "proxy_address_http: '[::]:80'"},
        Text{"port_that_the_kernel_picks", "proxy_address_http: 127.0.0.1:0"},
        Text{"empty_key_is_absent", "pid_file:\nmaster_key: ~\nthreads: null"},
        Text{"work_stealing", "work_stealing: true\nlistener_tasks_per_fd: 1"},
        Text{"pingora_keys", "version: 1\nupgrade_sock: /u\nuser: a\ngroup: b"},
        Text{"offload",
             "upstream_connect_offload_threadpools: 1\n"
             "upstream_connect_offload_thread_per_pool: 1"},
        Text{"keys_of_newer_pingora",
             "working_directory: /\nmax_blocking_threads: 2\nblocking_threads_ttl_seconds: 1\n"
             "daemon_wait_for_ready: true\ndaemon_ready_timeout_seconds: 1\n"
             "daemon_notify_timeout_seconds: 1"},
        Text{"internal_keys", "proxy_port: 80\nproxy_port_tls: '443'\nlocal_server: x"},
        Text{"two_listeners_on_different_addresses",
             "proxy_address_http: 127.0.0.1:3000\nconfig_address: 127.0.0.2:3000"}),
    name_of);

struct Wrong {
  std::string_view name, more, says;
};
class RefusedMain : public ::testing::TestWithParam<Wrong> {};
TEST_P(RefusedMain, with_what_would_be_right) {
  const Main m(GetParam().more);
  EXPECT_FALSE(m.config);
  EXPECT_EQ(m.diagnostics.errors(), 1U) << m.said();
  EXPECT_THAT(m.said(), HasSubstr(std::string(GetParam().says)));
}
INSTANTIATE_TEST_SUITE_P(
    Values, RefusedMain,
    ::testing::Values(
        Wrong{"no_address", "proxy_address_http: ':80'", "write 0.0.0.0:80 or \"[::]:80\""},
        Wrong{"name_for_address", "config_address: localhost:3000", "write 127.0.0.1:3000"},
        Wrong{"other_name", "config_address: box:3000", "an IP address in place of the name"},
        Wrong{"v6_without_brackets", "proxy_address_http: '::1:80'", "\"[::1]:80\""},
        Wrong{"no_port", "proxy_address_http: 127.0.0.1", "is not IP:port"},
        Wrong{"port_alone", "config_address: 3000", "3000 is a port alone; write 0.0.0.0:3000 or"},
        Wrong{"port_too_large", "proxy_address_http: 127.0.0.1:65536", "is not IP:port"},
        Wrong{"empty_path", "upstreams_conf: ''", "empty; write the path of upstreams.yaml"},
        Wrong{"empty_address", "proxy_address_tls: ''", "empty; write IP:port"},
        Wrong{"same_address", "config_address: 0.0.0.0:8080", "the same address as"},
        Wrong{"api_with_tls_without_certificate",
              "config_tls_address: 127.0.0.1:3443\nconfig_tls_key_file: /k",
              "config_tls_certificate: missing, but config_tls_address needs it; write the path"},
        Wrong{"api_with_tls_without_key",
              "config_tls_address: 127.0.0.1:3443\nconfig_tls_certificate: /c",
              "config_tls_key_file: missing, but config_tls_address needs it; write the path"},
        Wrong{"api_with_tls_at_the_address_of_the_api",
              "config_tls_address: 127.0.0.1:3000\nconfig_tls_certificate: /c\n"
              "config_tls_key_file: /k",
              "config_tls_address: the same address as config_address"},
        Wrong{"boolean_word", "config_api_enabled: yes", "write true"},
        Wrong{"boolean_text", "config_api_enabled: 'true'", "without quotes"},
        Wrong{"interval_zero", "hc_interval: 0", "from 1 to 65535"},
        Wrong{"interval_too_large", "hc_interval: 65536", "from 1 to 65535"},
        Wrong{"interval_float", "hc_interval: 2.0", "is not whole"},
        Wrong{"interval_text", "hc_interval: '2'", "write 2 without quotes"},
        Wrong{"interval_with_separator", "hc_interval: 1_0", "write 10"},
        Wrong{"method_unknown", "hc_method: PUT", "write HEAD, GET or POST"},
        Wrong{"threads_zero", "threads: 0", "from 1 to 1024"},
        Wrong{"master_key_number", "master_key: 123456", "put it in quotes"},
        Wrong{"tls_without_folder", "proxy_address_tls: 0.0.0.0:443", "proxy_configs: missing"},
        Wrong{"cidr", "trusted_proxies: [10.0.0.0/33]", "trusted_proxies[1]: "},
        Wrong{"cidr_not_a_list", "proxy_protocol: 10.0.0.0/8", "write a list"},
        Wrong{"bind_to_other_family", "client_bind_to_ipv4: ['::1']", "is not an IPv4 address"},
        Wrong{"log_file_size", "log_file: /l, many", "the size is not a number of megabytes"},
        Wrong{"log_file_word", "log_file: '/l, 1, 2, gzip'", "not the word compress"},
        Wrong{"access_log_format", "access_log_format: xml", "write text or json"},
        Wrong{"access_log_file_word", "access_log_file: '/l, 1, 2, gzip'",
              "access_log_file: the fourth part is not the word compress"},
        Wrong{"access_log_file_same", "log_file: /l, 5\naccess_log_file: /l",
              "is the file of log_file"},
        Wrong{"key_twice", "threads: 1\nthreads: 2", "given twice"},
        Wrong{"head_limit_too_small", "client_max_head_bytes: 10", "from 1024"},
        Wrong{"time_with_unit", "client_head_timeout: 10s", "without a unit"},
        Wrong{"time_zero", "upstream_idle_timeout: 0", "out of range"}),
    [](const auto& test) { return std::string(test.param.name); });

class WarnedMain : public ::testing::TestWithParam<Wrong> {};
TEST_P(WarnedMain, and_goes_on) {
  const Main m(GetParam().more);
  EXPECT_TRUE(m.config) << m.said();
  EXPECT_EQ(m.warnings(), 1U) << m.said();
  EXPECT_THAT(m.said(), HasSubstr(std::string(GetParam().says)));
}
INSTANTIATE_TEST_SUITE_P(
    Values, WarnedMain,
    ::testing::Values(
        Wrong{"unknown_key", "thraeds: 4", "did you mean threads?"},
        Wrong{"log_level", "log_level: INFO", "info is used"},
        Wrong{"access_log", "access_log: everything", "stays off"},
        Wrong{"tls_grade", "proxy_tls_grade: best", "medium is used"},
        Wrong{"max_retries", "max_retries: 0", "1 is used"},
        Wrong{"longest_wait", "upstream_fail_timeout: 5\nupstream_max_fail_timeout: 2",
              "main.yaml:9:1: warning: upstream_max_fail_timeout: less than upstream_fail_timeout"},
        Wrong{"longest_wait_alone", "upstream_max_fail_timeout: 0.5", "is used for both"},
        Wrong{"runuser_alone", "runuser: www", "has no effect alone"},
        Wrong{"folder_alone", "file_server_folder: /www", "has no effect alone"},
        Wrong{"address_alone", "file_server_address: 127.0.0.1:1", "has no effect alone"},
        Wrong{"folder_that_is_none",
              "file_server_address: 127.0.0.1:1\nfile_server_folder: /dev/null",
              "main.yaml:9:1: warning: file_server_folder: there is no folder \"/dev/null\""},
        Wrong{"bits_behind_the_prefix", "trusted_proxies: [10.1.0.0/8]", "8 of them count"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(MainConfig, log_level_off_is_the_word_and_no_boolean) {
  const Main m("log_level: off");
  ASSERT_TRUE(m.config) << m.said();
  EXPECT_EQ(m.config->log_level, LogLevel::off);
}

TEST(MainConfig, takes_the_old_names_of_the_tls_grades) {
  struct Case {
    std::string_view text;
    TlsGrade grade;
  };
  for (const Case& c : {Case{"a+", TlsGrade::high}, Case{"a", TlsGrade::high},
                        Case{"b", TlsGrade::medium}, Case{"c", TlsGrade::medium},
                        Case{"High", TlsGrade::high}, Case{"UNSAFE", TlsGrade::unsafe}}) {
    const Main m("proxy_tls_grade: " + std::string(c.text));
    ASSERT_TRUE(m.config) << c.text;
    EXPECT_EQ(m.config->proxy_tls_grade, c.grade) << c.text;
    EXPECT_EQ(m.said(), "");
  }
}

TEST(MainConfig, access_is_the_old_word_for_all) {
  EXPECT_EQ(Main("access_log: access").config->access_log, AccessLogMode::all);
  EXPECT_EQ(Main("access_log: all").config->access_log, AccessLogMode::all);
  EXPECT_EQ(Main("access_log: error").config->access_log, AccessLogMode::error);
  EXPECT_EQ(Main("access_log: off").said(), "");
}

TEST(MainConfig, finds_certificates_below_proxy_configs_or_in_the_old_folder) {
  EXPECT_EQ(Main("proxy_configs: /srv").config->certificate_folder(), "/srv/certificates");
  EXPECT_EQ(Main("proxy_configs: /srv/").config->certificate_folder(), "/srv/certificates");
  EXPECT_EQ(Main("proxy_configs: /srv\nproxy_certificates: /c").config->certificate_folder(), "/c");
  EXPECT_TRUE(Main("proxy_address_tls: 0.0.0.0:443\nproxy_certificates: /c").config);
  EXPECT_EQ(Main("").config->certificate_folder(), "");
}

TEST(MainConfig, splits_log_file_at_its_commas) {
  const auto path = Main("log_file: /var/log/a.log").config->log_file;
  EXPECT_EQ(path.path, "/var/log/a.log");
  EXPECT_FALSE(path.compress);
  const auto all = Main("log_file: /l , 20,5,  compress").config->log_file;
  EXPECT_EQ(all.path, "/l");
  EXPECT_EQ(all.max_megabytes, 20U);
  EXPECT_EQ(all.max_files, 5U);
  EXPECT_TRUE(all.compress);
}

TEST(MainConfig, an_access_log_may_have_its_own_file_and_format) {
  const Main none("access_log: all");
  EXPECT_EQ(none.config->access_log_file.path, "");
  EXPECT_EQ(none.config->access_log_format, AccessLogFormat::text);
  const Main own("access_log: all\naccess_log_format: json\naccess_log_file: /a, 7, 2, compress");
  EXPECT_EQ(own.said(), "");
  EXPECT_EQ(own.config->access_log_file.path, "/a");
  EXPECT_EQ(own.config->access_log_file.max_megabytes, 7U);
  EXPECT_TRUE(own.config->access_log_file.compress);
  EXPECT_EQ(own.config->access_log_format, AccessLogFormat::json);
}

TEST(MainConfig, reads_limits_and_times_into_their_places) {
  const Main m(
      "client_max_head_bytes: 4096\nclient_head_timeout: 0.5\ntunnel_idle_timeout: 7200\n"
      "grace_period_seconds: 7\ngraceful_shutdown_timeout_seconds: 0\ntcp_keepalive_idle: 60\n"
      "cache_size_mb: 10\ncache_ttl: 5\nupstream_keepalive_pool_size: 0\n"
      "client_bind_to_ipv4: [192.0.2.1]\nclient_bind_to_ipv6: ['2001:db8::1']");
  ASSERT_TRUE(m.config) << m.said();
  EXPECT_EQ(m.config->limits.client_max_head_bytes, 4096U);
  EXPECT_EQ(m.config->limits.client_head_timeout, 500ms);
  EXPECT_EQ(m.config->limits.tunnel_idle_timeout, 2h);
  EXPECT_EQ(m.config->limits.upstream_keepalive_pool_size, 0U);
  EXPECT_EQ(m.config->grace_period, 7s);
  EXPECT_EQ(m.config->graceful_shutdown_timeout, 0s);
  EXPECT_EQ(m.config->tcp_keepalive_idle, 60s);
  EXPECT_EQ(m.config->cache_size_mb, 10U);
  EXPECT_EQ(m.config->cache_ttl, 5s);
  ASSERT_EQ(m.config->client_bind_to_ipv6.size(), 1U);
  EXPECT_EQ(m.config->client_bind_to_ipv6[0].ip(), "2001:db8::1");
}

TEST(MainConfig, reads_when_servers_are_left_out) {
  const Main m("upstream_max_fails: 0\nupstream_fail_timeout: 0.25\nupstream_max_fail_timeout: 7");
  ASSERT_TRUE(m.config) << m.said();
  EXPECT_EQ(m.config->limits.upstream_max_fails, 0U);
  EXPECT_EQ(m.config->limits.upstream_fail_timeout, 250ms);
  EXPECT_EQ(m.config->limits.upstream_max_fail_timeout, 7s);
  EXPECT_FALSE(Main("upstream_max_fails: 256").config) << "failures are counted up to 255";
}

TEST(MainConfig, longest_time_without_a_server_is_no_shorter_than_the_first) {
  const Main alone("upstream_fail_timeout: 120");
  EXPECT_EQ(alone.said(), "") << "the default of the other is nobody's wish";
  EXPECT_EQ(alone.config->limits.upstream_max_fail_timeout, 120s);
  const Main both("upstream_max_fail_timeout: 2\nupstream_fail_timeout: 5");
  EXPECT_EQ(both.config->limits.upstream_fail_timeout, 5s);
  EXPECT_EQ(both.config->limits.upstream_max_fail_timeout, 5s);
  EXPECT_EQ(Main("upstream_max_fail_timeout: 5\nupstream_fail_timeout: 5").said(), "");
}

TEST(MainConfig, never_shows_the_master_key) {
  for (const auto* more : {"master_key: [hunter2]", "master_key: 5551234", "master_key: true",
                           "master_key: {hunter2: x}", "master_key: \"hunter2\\nx\""}) {
    const Main m(more);
    EXPECT_FALSE(m.config) << more;
    EXPECT_THAT(m.said(), Not(HasSubstr("hunter2")));
    EXPECT_THAT(m.said(), Not(HasSubstr("5551234")));
  }
}

TEST(MainConfig, that_is_no_mapping_says_so) {
  for (const auto* text : {"", "# nothing\n", "just text\n", "- a\n", "5\n"}) {
    Diagnostics d;
    EXPECT_FALSE(parse_main(text, "main.yaml", d)) << text;
    EXPECT_THAT(d.render(), HasSubstr("write one `key: value` per line")) << text;
  }
  Diagnostics list;
  EXPECT_FALSE(parse_main("# a list\n- a\n", "main.yaml", list));
  EXPECT_THAT(list.render(), HasSubstr("main.yaml:2:1: "));
  Diagnostics d;
  EXPECT_FALSE(load_main("/nonexistent/main.yaml", d));
  EXPECT_THAT(d.render(), HasSubstr("/nonexistent/main.yaml: cannot be read: "));
}

TEST(MainConfig, shows_where_the_upstreams_are_also_when_something_else_is_wrong) {
  const std::string path = ::testing::TempDir() + "aralez-main-config-test.yaml";
  std::ofstream(path) << with("threads: zero");
  EXPECT_EQ(files_named_in(path).upstreams_conf, "/srv/upstreams.yaml");
  std::ofstream(path) << "upstreams_conf: [\n";
  EXPECT_EQ(files_named_in(path).upstreams_conf, "");
  std::remove(path.c_str());
  EXPECT_EQ(files_named_in(path).upstreams_conf, "");
}

}  // namespace
}  // namespace aralez
