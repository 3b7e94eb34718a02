#include "server/check_start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "config/decode.h"
#include "control/process/privileges.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;

/// 0, or the errno value of why not.
int denied(const fs::path& path, int mode) {
  return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0 ? 0 : errno;
}

/// Whether files can be made beside `path`.
int denied_beside(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  struct stat st{};
  if (::stat(folder.c_str(), &st) != 0) return errno;
  return S_ISDIR(st.st_mode) ? denied(folder, W_OK | X_OK) : ENOTDIR;
}

/// What a symlink leads to that leads to nothing yet: there the file would be made.
fs::path behind_links(fs::path path) {
  constexpr int kMostLinks = 40;  // what the kernel follows
  std::error_code ec;
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, ec); ++i)
    path = path.parent_path() / fs::read_symlink(path, ec);
  return path;
}

/// Of a file that is appended to.
int append_denied(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) == 0) return S_ISDIR(st.st_mode) ? EISDIR : denied(path, W_OK);
  return errno == ENOENT ? denied_beside(behind_links(path)) : errno;
}

/// Of a file that another one is moved over; as PidFile::write().
int replace_denied(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) return errno == ENOENT ? denied_beside(path) : errno;
  if (S_ISCHR(st.st_mode)) return 0;
  if (S_ISLNK(st.st_mode)) return ELOOP;
  return S_ISREG(st.st_mode) ? denied_beside(path) : EEXIST;
}

std::string unwritable(std::string_view path, int code) {
  return fmt::format(
      "{} cannot be written: {}; write a file in a folder that is there and may be written to",
      shown(path), std::generic_category().message(code));
}

void check_log(std::string_view key, const LogFileConfig& file, Diagnostics& diagnostics) {
  if (file.path.empty() || file.path == "/dev/stdout") return;
  if (const int code = append_denied(file.path); code != 0)
    diagnostics.error(file.source, key, unwritable(file.path, code));
}

/// Nobody opens it but a daemon.
void check_error_log(const NamedFile& file, StartAs how, Diagnostics& diagnostics) {
  if (file.path.empty()) return;
  const int code = append_denied(file.path);
  if (code == 0) return;
  if (how == StartAs::daemon)
    diagnostics.error(file.source, "error_log", unwritable(file.path, code));
  else
    diagnostics.warning(file.source, "error_log", unwritable(file.path, code));
}

void check_accounts(const MainConfig& main, Diagnostics& diagnostics) {
  if (main.runuser.name.empty() || main.rungroup.name.empty()) return;  // has no effect
  if (!user_exists(main.runuser.name))
    diagnostics.error(main.runuser.source, "runuser",
                      fmt::format("no user {} on this machine; write the name or number of one",
                                  shown(main.runuser.name)));
  if (!group_exists(main.rungroup.name))
    diagnostics.error(main.rungroup.source, "rungroup",
                      fmt::format("no group {} on this machine; write the name or number of one",
                                  shown(main.rungroup.name)));
}

}  // namespace

void check_start(const MainConfig& main, StartAs how, Diagnostics& diagnostics) {
  check_log("log_file", main.log_file, diagnostics);
  if (main.access_log != AccessLogMode::off)
    check_log("access_log_file", main.access_log_file, diagnostics);
  check_error_log(main.error_log, how, diagnostics);
  if (const int code = replace_denied(main.pid_file.path); code != 0)
    diagnostics.error(main.pid_file.source, "pid_file", unwritable(main.pid_file.path, code));
  check_accounts(main, diagnostics);
}

}  // namespace aralez
