#include "cluster/upstream_h2c.h"

#include "cluster/endpoint_pool.h"

namespace aralez {

UpstreamH2c::UpstreamH2c(Reactor& reactor, EndpointPool& pool, ConnectionGroup& group,
                         h2::Shared& shared)
    : UpstreamConnection(reactor, pool, UpstreamProtocol::h2c),
      socket_(reactor, codec_, &pool.output_group()),
      codec_(socket_, *this, shared, h2::ClientCodec::Scheme::http),
      facts_{group} {}

}  // namespace aralez
