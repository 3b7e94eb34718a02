#pragma once

#include "filter/filter.h"
#include "filter/question_marks.h"

namespace aralez {

/// Tells the upstream who asked and how: `X-Forwarded-For` appended to and merged into one line,
/// `X-Forwarded-Proto`, `X-Forwarded-Host` and `X-Real-IP` set, `Forwarded` of the client dropped
/// (behaviour section 21). Marks of questions that were not made here go no further. Runs before
/// the headers filter, so that configured headers win.
class ForwardedFilter final : public Filter {
 public:
  /// `marks` outlives it.
  explicit ForwardedFilter(const QuestionMarks& marks) : marks_(marks) {}
  Verdict on_request_head(RequestContext& request, Reply& reply) const override;
  [[nodiscard]] std::string describe() const override {
    return "forwarded: X-Forwarded-*, X-Real-IP";
  }

 private:
  const QuestionMarks& marks_;
};

}  // namespace aralez
