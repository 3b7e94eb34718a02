#pragma once

#include <string>

#include "http/request_context.h"

namespace aralez {

/// Serves the files of one folder: GET and HEAD, index.html, ranges, conditional requests
/// (behaviour section 14).
class FileResponder final : public Responder {
 public:
  /// `folder` is looked up for each request: it may come later, or be replaced by another.
  explicit FileResponder(const std::string& folder);
  [[nodiscard]] Verdict respond(RequestContext& request, const Chain& body,
                                Reply& reply) const override;

 private:
  void answer(RequestContext& request, Reply& reply) const;

  std::string root_;  ///< absolute, ends in a slash
};

}  // namespace aralez
