#pragma once

#include <memory>

#include "proxy/exchange.h"
#include "tls/server_contexts.h"

namespace aralez {

/// What is spoken on a listener, and for what.
struct DoorOptions {
  enum class Security : bool { plain, tls };
  ListenerRole role = ListenerRole::proxy;
  Security security = Security::plain;
};

/// What the TLS listeners serve; each null without its listener.
struct Certificates {
  std::shared_ptr<const ServerContexts> proxy;
  std::shared_ptr<const ServerContexts> api;
};

}  // namespace aralez
