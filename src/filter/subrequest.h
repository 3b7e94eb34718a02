#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/head.h"
#include "tls/client_context.h"

namespace aralez {

/// A server that a filter asks before it decides. Immutable, shared by all workers; connections to
/// it are those of the worker, and are kept as long as somebody holds this.
struct OutsideServer {
  std::string host;  ///< lower case; numeric without brackets
  std::uint16_t port = 0;
  std::shared_ptr<const ClientContext> tls = nullptr;  ///< null: HTTP/1.1 in clear
};

/// Told what becomes of a subrequest, on the worker's thread, from the loop. The calls may end the
/// request that it was made for.
class SubrequestEvents {
 public:
  enum class Want : bool {
    head,  ///< that was all; the body is somebody else's burden
    body,
  };
  /// The final head. Views are good until the call returns.
  virtual Want on_answer(const Head& head) = 0;
  /// The body that was wanted; empty, and not `whole`, when it was too long or broke off. The last
  /// event.
  virtual void on_answer_body(std::string_view body, bool whole) = 0;
  /// There is no answer. The last event.
  virtual void on_no_answer(Error why) = 0;

 protected:
  ~SubrequestEvents() = default;
};

/// A subrequest under way; the reference ends with its last event.
class PendingSubrequest {
 public:
  /// Nobody waits for it any more: no event follows.
  virtual void cancel() = 0;

 protected:
  ~PendingSubrequest() = default;
};

/// Makes requests of our own to other servers, on the connections of one worker.
class SubrequestClient {
 public:
  struct Times {
    std::chrono::milliseconds connect;
    std::chrono::milliseconds all;  ///< until the end of the body that is wanted
  };
  /// A request without a body, sent again where a kept connection turns out to be dead: its method
  /// is GET or HEAD. It lives, and all that it refers to, until the last event. Either events
  /// follow, or this returns an error.
  [[nodiscard]] virtual Result<PendingSubrequest*> send(
      const std::shared_ptr<const OutsideServer>& server, const Head& request, const Times& times,
      SubrequestEvents& events) = 0;

 protected:
  ~SubrequestClient() = default;
};

}  // namespace aralez
