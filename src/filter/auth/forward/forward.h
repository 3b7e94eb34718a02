#pragma once

#include <memory>
#include <string>

#include "filter/auth/config.h"
#include "filter/auth/forward/identity.h"
#include "filter/auth/forward/servers.h"
#include "filter/filter.h"
#include "filter/question_marks.h"
#include "filter/subrequest.h"

namespace aralez {

struct ForwardAuthConfig {
  HttpUrl url;
  std::shared_ptr<const OutsideServer> server;  ///< that of the URL
  IdentityFields identity;
  SubrequestClient::Times times;
  const QuestionMarks& marks;  ///< outlives all routes
  std::string mark;            ///< of the route
};

/// Asks a server whether a request may go on (behaviour section 8.5). 2xx: yes, and what the answer
/// says of the client goes to the upstream, its cookies to the client. Any other final answer is
/// the client's, as it is. Where there is no answer the request is refused, and where the question
/// leads back to the route. Nothing is forwarded before the answer is there.
class ForwardAuth final : public Filter {
 public:
  explicit ForwardAuth(ForwardAuthConfig config) : config_(std::move(config)) {}

  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override;

 private:
  class Step;
  void ask(RequestContext& request, Head& question) const;

  ForwardAuthConfig config_;
};

/// What forward authorization has beside its block.
struct ForwardAuthPlace {
  std::string_view host, path;  ///< of the route
  std::chrono::milliseconds connect;
  ForwardServers& servers;
  const QuestionMarks& marks;
};
/// Of a block of type `forward` that parse_auth() found good.
[[nodiscard]] std::unique_ptr<const Filter> make_forward_auth(const AuthConfig& block,
                                                              const ForwardAuthPlace& place);

}  // namespace aralez
