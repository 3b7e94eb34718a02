#include "admin/challenge_responder.h"

#include <algorithm>

#include "admin/answer.h"

namespace aralez {

Verdict answer_challenge(RequestContext& request, Reply& reply, const ChallengeTable& table,
                         std::string_view token) {
  if (const auto text = table.answer(token))
    return answer(request, reply, 200, content::kText, *text);
  return refuse(request, reply, 404, Reason::api_not_found, content::kNone, "Not found");
}

Verdict ChallengeResponder::respond(RequestContext& request, const Chain&, Reply& reply) const {
  std::string_view token = request.request.target;
  token.remove_prefix(std::min(token.size(), ChallengeTable::kFolder.size()));
  return answer_challenge(request, reply, *table_, token);
}

}  // namespace aralez
