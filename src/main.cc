#include <string_view>

#include "server/options.h"
#include "server/server.h"
#include "server/top_options.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "top") {
    const auto top = aralez::parse_top_options(argc - 1, argv + 1);
    return top.options ? aralez::top::run_top(*top.options) : top.exit_code;
  }
  const auto parsed = aralez::parse_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  return aralez::run(*parsed.options);
}
