#pragma once

#include <array>
#include <cstddef>

namespace aralez {

/// Bytes nobody can guess, for keys. Ends the process when the system has none to give.
[[nodiscard]] std::array<std::byte, 32> random_secret();

}  // namespace aralez
