#pragma once

#include <string>

#include "filter/auth/shared.h"
#include "filter/filter.h"
#include "support/request_world.h"

namespace aralez {

/// A request to a filter of authorization.
class AuthWorld : public testing::RequestWorld {
 protected:
  void TearDown() override { shared_.stop(); }

  void begin() {
    head_ = Head();
    path_ = TargetPath();
    reply_ = Reply();
    later_.reset();
  }
  /// What the filter decides, at once or later.
  Verdict ask(const Filter& filter) {
    reply_ = Reply();
    later_.reset();
    RequestContext request = request_context();
    first_ = filter.on_request_head(request, reply_);
    if (first_ != Verdict::wait) return first_;
    EXPECT_TRUE(turn_until([&] { return later_.has_value(); }));
    return later_.value_or(Verdict::wait);
  }
  Verdict ask_with(const Filter& filter, std::string_view authorization) {
    begin();
    head_.fields.add(arena_, {"Authorization", authorization, FieldId::authorization});
    return ask(filter);
  }
  [[nodiscard]] std::string challenge() const {
    const Field* field = reply_.fields.find("www-authenticate");
    return field ? std::string(field->value) : std::string();
  }

  Verdict first_ = Verdict::proceed;  ///< of the call itself
  AuthShared shared_{1, 2};
};

}  // namespace aralez
