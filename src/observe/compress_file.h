#pragma once

#include <stop_token>
#include <string>

namespace aralez {

/// Puts `path` into `path`.gz, with its rights, and removes it. Blocking, seconds for a large file.
/// When that fails or is told to stop, `path` stays as it was and there is no new .gz. False then.
bool compress_file(const std::string& path, const std::stop_token& stop);

}  // namespace aralez
