#pragma once

#include <expected>
#include <string>

#include "control/discovery/discovery.h"

namespace aralez {

/// The file that keeps what is known of services over a restart, for the time that the registry
/// cannot be asked. Below `folder`, whose part `autoconfigs` is made when it is missing.
[[nodiscard]] std::string known_file_in(const std::string& folder);

/// What it says of the services of `provider`; of a file that is missing, broken or of another
/// provider nothing.
[[nodiscard]] DiscoveredServices read_known(const std::string& file, Provider provider);

/// Replaces it as a whole. The error names the file and the reason.
[[nodiscard]] std::expected<void, std::string> write_known(const std::string& file,
                                                           Provider provider,
                                                           const DiscoveredServices& services);

}  // namespace aralez
