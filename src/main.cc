#include "server/options.h"
#include "server/server.h"

int main(int argc, char** argv) {
  const auto parsed = aralez::parse_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  return aralez::run(*parsed.options);
}
