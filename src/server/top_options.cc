#include "server/top_options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "control/schema/main_config.h"

namespace aralez {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

/// The address to call when the API listens on that one.
std::string base_of(SocketAddress address) {
  const std::string ip = address.ip();
  if (ip == "0.0.0.0") address = SocketAddress::from_ip("127.0.0.1", address.port()).value();
  if (ip == "::") address = SocketAddress::from_ip("::1", address.port()).value();
  return "http://" + address.to_string();
}

/// False when the file is none.
bool read_main(const std::string& conf, top::TopOptions& out) {
  Diagnostics diagnostics;
  const auto main = load_main(conf, diagnostics);
  if (!main) {
    std::cerr << diagnostics.render() << std::flush;
    return false;
  }
  if (out.base.empty()) out.base = base_of(main->config_address);
  if (out.key.empty()) out.key = main->master_key;
  return true;
}

void read_environment(top::TopOptions& out) {
  for (const char* name : {"ARALEZ_KEY", "JWT_KEY"})
    if (const char* key = std::getenv(name); key && out.key.empty()) out.key = key;
}

}  // namespace

ParsedTopOptions parse_top_options(int argc, char** argv) {
  top::TopOptions o;
  std::string conf;
  double interval = 2;
  CLI::App app{"a running aralez in a terminal; q ends it", "aralez top"};
  app.add_option("-c,--conf", conf, "main.yaml of the instance: its config_address and master_key")
      ->type_name("FILE");
  app.add_option("--url", o.base, "the instance; default http://127.0.0.1:3000")
      ->type_name("http://HOST:PORT");
  app.add_option("--interval", interval, "seconds between two looks")
      ->check(CLI::Range(0.1, 3600.0));
  app.add_flag("--once", o.once, "print one frame and exit");
  app.footer(
      "The key is taken from ARALEZ_KEY or JWT_KEY in the environment, else from main.yaml.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& e) {
    return {std::nullopt, app.exit(e)};
  } catch (const CLI::ParseError& e) {
    app.exit(e, std::cerr, std::cerr);
    return {std::nullopt, kUsage};
  }
  o.interval = std::chrono::milliseconds(static_cast<std::int64_t>(interval * 1000));
  read_environment(o);
  if (!conf.empty() && !read_main(conf, o)) return {std::nullopt, kFailed};
  if (o.base.empty()) o.base = "http://127.0.0.1:3000";
  while (o.base.ends_with('/')) o.base.pop_back();
  return {std::move(o), 0};
}

}  // namespace aralez
