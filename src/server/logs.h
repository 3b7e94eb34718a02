#pragma once

#include <expected>
#include <memory>

#include "control/schema/main_config.h"
#include "observe/access_log/access_log.h"
#include "observe/server_log.h"

namespace aralez {

/// The logs of the program and their files. Made before all threads but their own, outlives them.
class Logs {
 public:
  /// `quiet`: for a run that only tells something; there are no files then.
  enum class Mode : bool { serve, quiet };
  [[nodiscard]] static std::expected<std::unique_ptr<Logs>, LogError> open(const MainConfig& main,
                                                                           Mode mode);

  [[nodiscard]] ServerLog& server() noexcept { return *server_; }
  /// Null: off.
  [[nodiscard]] AccessLog* access() const noexcept { return access_.get(); }
  /// Records of the server log that are in no file. Any thread.
  [[nodiscard]] std::uint64_t lost() const noexcept { return server_->lost(); }
  /// Someone may have moved the files away. What cannot be opened again is logged and stays in use.
  void reopen();

 private:
  Logs(std::unique_ptr<ServerLog> server, std::unique_ptr<AccessLog> access)
      : server_(std::move(server)), access_(std::move(access)) {}

  std::unique_ptr<ServerLog> server_;
  std::unique_ptr<AccessLog> access_;
};

}  // namespace aralez
