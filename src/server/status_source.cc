#include "server/status_source.h"

namespace aralez {

StatusInput read_status(const StatusSources& from) {
  const ConfigState::Seen config = from.config.read();
  const Discovery* const discovery = config.active ? config.active->discovery.get() : nullptr;
  return {.config = config,
          .totals = from.plane.totals(),
          .routes = from.routes.totals(),
          .certificates = from.certificates.served(),
          .acme = from.orders.report(),
          .services = discovery ? discovery->services() : DiscoveredServices(),
          .server_log_lost = from.logs.lost(),
          .access_log_lost =
              from.logs.access() ? std::optional(from.logs.access()->lost()) : std::nullopt,
          .workers = from.workers,
          .started = from.started,
          .now = std::chrono::system_clock::now()};
}

}  // namespace aralez
