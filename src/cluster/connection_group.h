#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/intrusive_list.h"
#include "cluster/upstream_connection.h"
#include "tls/client_context.h"

namespace aralez {

class DetectingConnect;
class WaitingConnect : public ListNode {};

/// What a request asks of a connection, beside the endpoint.
struct ConnectionWish {
  std::string_view host;    ///< of the request, normal form: becomes the server name of TLS
  bool configured = false;  ///< the configuration names this host: a certificate for it will do
  bool http1 = false;       ///< only HTTP/1.1 will do
};

/// Connections of an endpoint that can take each other's place: all in clear, or all that were
/// opened with one server name. A server with many names may answer another on each.
struct ConnectionGroup {
  explicit ConnectionGroup(std::string key_, std::string server_name_)
      : key(std::move(key_)), server_name(std::move(server_name_)) {}

  std::string key;
  std::string server_name;         ///< empty: none is sent
  std::vector<std::string> names;  ///< a certificate may be for
  ClientSession session;
  IntrusiveList<GroupMember> idle;     ///< one request at a time; newest first
  IntrusiveList<GroupMember> open;     ///< many requests each, and not at their end
  DetectingConnect* leader = nullptr;  ///< makes the one connection that the others wait for
  IntrusiveList<WaitingConnect> waiting;
  std::size_t users = 0;  ///< connections and connects
};

/// How a connection is to begin.
struct Greeting {
  Wire wire;
  ConnectionGroup& group;
  ClientHello::Alpn alpn = ClientHello::Alpn::any;
};

}  // namespace aralez
