#pragma once

#include <string>

#include "base/unique_fd.h"
#include "http/request_context.h"

namespace aralez {

/// Serves the files of one folder: GET and HEAD, index.html, ranges, conditional requests
/// (behaviour section 14).
class FileResponder final : public Responder {
 public:
  /// `folder` is opened now; when that fails, every request is answered 404 and usable() is false.
  explicit FileResponder(const std::string& folder);
  [[nodiscard]] bool usable() const noexcept { return static_cast<bool>(root_); }
  [[nodiscard]] Verdict respond(RequestContext& request, const Chain& body,
                                Reply& reply) const override;

 private:
  void answer(RequestContext& request, Reply& reply) const;

  UniqueFd root_;
};

}  // namespace aralez
