#pragma once

#include <memory>

#include "http/request_context.h"
#include "route/challenge_table.h"

namespace aralez {

/// Answers a certificate authority that looks for `token`.
Verdict answer_challenge(RequestContext& request, Reply& reply, const ChallengeTable& table,
                         std::string_view token);

/// The same on the listeners for clients, for challenges that were met when the request came.
class ChallengeResponder final : public Responder {
 public:
  explicit ChallengeResponder(std::shared_ptr<const ChallengeTable> table)
      : table_(std::move(table)) {}
  [[nodiscard]] Verdict respond(RequestContext& request, const Chain& body,
                                Reply& reply) const override;

 private:
  const std::shared_ptr<const ChallengeTable> table_;
};

}  // namespace aralez
