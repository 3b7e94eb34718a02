#include "jwt/json_object.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace aralez {
namespace {

/// Keeps the members of the outermost object. Every handler says whether to go on.
class Reader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Reader(std::vector<std::pair<std::string, JsonValue>>& members) : members_(members) {}

  [[nodiscard]] JsonObject::Flaw flaw() const noexcept { return flaw_; }

  bool null() override { return put({}); }
  bool boolean(bool) override { return put({.kind = JsonValue::Kind::boolean}); }
  bool number_integer(number_integer_t value) override {
    return put({.kind = JsonValue::Kind::number, .number = static_cast<double>(value)});
  }
  bool number_unsigned(number_unsigned_t value) override {
    return put(
        {.kind = JsonValue::Kind::natural, .natural = value, .number = static_cast<double>(value)});
  }
  bool number_float(number_float_t value, const string_t&) override {
    return put({.kind = JsonValue::Kind::number, .number = value});
  }
  bool string(string_t& value) override {
    if (depth_ == 2 && in_list()) {
      members_.back().second.texts.push_back(std::move(value));
      return true;
    }
    return put({.kind = JsonValue::Kind::text, .text = std::move(value)});
  }
  bool binary(binary_t&) override { return stop(JsonObject::Flaw::not_json); }
  bool start_object(std::size_t) override { return open(JsonValue::Kind::other); }
  bool start_array(std::size_t) override { return open(JsonValue::Kind::texts); }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    for (const auto& [known, value] : members_)
      if (known == name) return stop(JsonObject::Flaw::repeated_name);
    if (members_.size() == kMaxMembers) return stop(JsonObject::Flaw::too_large);
    members_.emplace_back(std::move(name), JsonValue());
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return stop(JsonObject::Flaw::not_json);
  }

 private:
  static constexpr std::size_t kMaxMembers = 256;

  [[nodiscard]] bool in_list() const {
    return members_.back().second.kind == JsonValue::Kind::texts;
  }
  bool stop(JsonObject::Flaw flaw) {
    flaw_ = flaw;
    return false;
  }
  bool open(JsonValue::Kind kind) {
    if (depth_ == 0 && kind != JsonValue::Kind::other) return stop(JsonObject::Flaw::not_an_object);
    if (depth_ == JsonObject::kMaxDepth) return stop(JsonObject::Flaw::too_large);
    if (depth_ > 0 && !put({.kind = kind})) return false;
    ++depth_;
    return true;
  }
  /// A value that begins at the present depth.
  bool put(JsonValue value) {
    if (depth_ == 0) return stop(JsonObject::Flaw::not_an_object);
    JsonValue& member = members_.back().second;
    if (depth_ == 1)
      member = std::move(value);
    else if (depth_ == 2 && in_list())
      member = {.kind = JsonValue::Kind::other};  // a list with something that is no text
    return true;
  }

  std::vector<std::pair<std::string, JsonValue>>& members_;
  std::size_t depth_ = 0;
  JsonObject::Flaw flaw_ = JsonObject::Flaw::none;
};

}  // namespace

JsonObject::Flaw JsonObject::parse(std::string_view text) {
  members_.clear();
  if (text.size() > kMaxBytes) return Flaw::too_large;
  Reader reader(members_);
  static_cast<void>(nlohmann::json::sax_parse(text.begin(), text.end(), &reader));
  return reader.flaw();
}

const JsonValue* JsonObject::find(std::string_view name) const noexcept {
  const auto at = std::find_if(members_.begin(), members_.end(),
                               [name](const auto& m) { return m.first == name; });
  return at == members_.end() ? nullptr : &at->second;
}

const std::string* JsonObject::text(std::string_view name) const noexcept {
  const JsonValue* value = find(name);
  return value != nullptr && value->kind == JsonValue::Kind::text ? &value->text : nullptr;
}

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace aralez
