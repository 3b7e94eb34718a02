#include "server/logs.h"

namespace aralez {
namespace {

LogFileOptions options_of(const LogFileConfig& file) {
  return {.path = file.path,
          .max_bytes = file.max_megabytes * 1024 * 1024,
          .keep = file.max_files,
          .compress = file.compress};
}

}  // namespace

std::expected<std::unique_ptr<Logs>, LogError> Logs::open(const MainConfig& main, Mode mode) {
  const bool serve = mode == Mode::serve;
  auto server =
      ServerLog::open({.level = serve ? main.log_level : LogLevel::off,
                       .file = serve ? options_of(main.log_file) : LogFileOptions{.path = {}}});
  if (!server) return std::unexpected(std::move(server.error()));
  std::unique_ptr<AccessLog> access;
  if (serve && main.access_log != AccessLogMode::off) {
    AccessLogOptions options{
        .mode = main.access_log, .format = main.access_log_format, .writers = main.threads};
    if (!main.access_log_file.path.empty()) options.file = options_of(main.access_log_file);
    auto opened = AccessLog::open(std::move(options), **server);
    if (!opened) return std::unexpected(std::move(opened.error()));
    access = std::move(*opened);
  }
  return std::unique_ptr<Logs>(new Logs(std::move(*server), std::move(access)));
}

void Logs::reopen() {
  server_->reopen_later();
  if (access_) access_->reopen_later();
}

}  // namespace aralez
