#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "control/process/process_error.h"

namespace aralez {

/// Raises the soft limit of open files to the hard one. The limit now in force.
[[nodiscard]] std::expected<std::uint64_t, ProcessError> raise_fd_limit();

/// Whether the system knows them; any number will do. For whoever wants to know before
/// drop_privileges() does.
[[nodiscard]] bool user_exists(const std::string& user);
[[nodiscard]] bool group_exists(const std::string& group);

/// Makes them the owners of the file or folder at `path`.
[[nodiscard]] std::expected<void, ProcessError> give_to(const std::string& path,
                                                        const std::string& user,
                                                        const std::string& group);

/// Gives up the rights of this process for good: becomes `user` with `group` as its group, plus the
/// other groups of the user. Both are names or numbers, and both are needed (EINVAL). Every thread
/// changes with it; call it after listeners, certificates and logs are open. On an error the
/// process may have changed in part and must not serve. Without root rights, succeeds only when
/// nothing would change.
[[nodiscard]] std::expected<void, ProcessError> drop_privileges(const std::string& user,
                                                                const std::string& group);

}  // namespace aralez
