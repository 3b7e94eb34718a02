#pragma once

#include <cstdint>

#include "proxy/exchange.h"

namespace aralez {

/// What is spoken on a listener, and for what.
struct DoorOptions {
  enum class Security : bool { plain, tls };
  ListenerRole role = ListenerRole::proxy;
  Security security = Security::plain;
};

}  // namespace aralez
