#include "control/discovery/kubernetes/slice_watch.h"

#include <fmt/format.h>

#include "control/json/json_access.h"

namespace aralez::kubernetes {

using nlohmann::json;

bool SliceWatch::take(std::string_view piece) {
  while (state_ == State::going_on && !piece.empty()) {
    const auto end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (part.size() > kMaxLine - line_.size()) {
      fail(fmt::format("an event of more than {} bytes", kMaxLine));
      break;
    }
    line_ += part;
    if (end == std::string_view::npos) break;
    piece.remove_prefix(end + 1);
    take_line(line_);
    line_.clear();
  }
  return state_ == State::going_on;
}

void SliceWatch::take_line(std::string_view line) {
  if (line.empty() || line == "\r") return;
  const json event = parse_json(line);
  const std::string type = text_in(event, "type");
  const json& object = member(event, "object");
  if (type == "ERROR") return take_error(object);
  std::string version = text_in(member(object, "metadata"), "resourceVersion");
  if (version.empty()) return fail("what it sends is no event of a watch");
  if (type == "ADDED" || type == "MODIFIED") {
    if (!store_.put(object))
      return fail(fmt::format("more than {} addresses", SliceStore::kMaxAddresses));
  } else if (type == "DELETED") {
    store_.remove(object);
  } else if (type != "BOOKMARK") {
    return fail("an event of a type that nobody knows");
  }
  version_ = std::move(version);
}

void SliceWatch::take_error(const json& status) {
  constexpr int kGone = 410;
  const json& code = member(status, "code");
  if (code == kGone)
    state_ = State::gone;
  else if (code.is_number_integer())
    fail(fmt::format("the watch ends with status {}", code.get<std::int64_t>()));
  else
    fail("the watch ends with an error");
}

void SliceWatch::fail(std::string why) {
  state_ = State::broken;
  why_ = std::move(why);
}

}  // namespace aralez::kubernetes
