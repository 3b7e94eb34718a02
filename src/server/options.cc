#include "server/options.h"

#include <CLI/CLI.hpp>
#include <iostream>

namespace aralez {

ParsedOptions parse_options(int argc, char** argv) {
  Options o;
  bool test = false;
  bool nocapture = false;
  CLI::App app{"aralez, a reverse proxy that detects instead of being configured", "aralez"};
  app.set_version_flag("-v,--version", "aralez " ARALEZ_VERSION);
  app.add_option("-c,--conf", o.conf, "path of main.yaml")->type_name("FILE")->required();
  app.add_flag("-t,--test", test,
               "check main.yaml, upstreams.yaml, conf.d and certificates, then exit");
  app.add_flag("-d,--daemon", o.daemon, "run in the background");
  app.add_flag("-u,--upgrade", o.upgrade,
               "take over the listening sockets of a running instance (reserved)");
  const CLI::Option* const explain =
      app.add_option("--explain", o.explain,
                     "say which host, route, filters and servers a request would take")
          ->type_name("'GET http://host/path'");
  app.add_flag("--nocapture", nocapture)->group("");
  app.footer("aralez top [-c main.yaml] shows a running instance in a terminal; aralez top --help");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& e) {
    return {std::nullopt, app.exit(e)};
  } catch (const CLI::CallForVersion& e) {
    return {std::nullopt, app.exit(e)};
  } catch (const CLI::ParseError& e) {
    app.exit(e, std::cerr, std::cerr);
    return {std::nullopt, 2};
  }
  if (test) o.action = Options::Action::test;
  if (*explain) o.action = Options::Action::explain;
  return {o, 0};
}

}  // namespace aralez
