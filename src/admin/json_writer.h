#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace aralez {

/// Writes compact JSON, value by value. The caller opens and closes in pairs and gives every value
/// in an object a key; what is not UTF-8 is replaced.
class JsonWriter {
 public:
  JsonWriter& open_object() { return open('{'); }
  JsonWriter& close_object() { return close('}'); }
  JsonWriter& open_array() { return open('['); }
  JsonWriter& close_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool b) { return raw(b ? "true" : "false"); }
  JsonWriter& value(std::integral auto number) {
    char digits[24];
    return raw({digits, std::to_chars(digits, digits + sizeof digits, number).ptr});
  }
  /// With at most six digits behind the point.
  JsonWriter& value(double number);
  JsonWriter& null() { return raw("null"); }

  template <class T>
  JsonWriter& member(std::string_view name, T&& v) {
    return key(name).value(std::forward<T>(v));
  }
  /// `null` when there is none.
  template <class Optional>
  JsonWriter& optional_member(std::string_view name, const Optional& v) {
    key(name);
    return v ? value(*v) : null();
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  JsonWriter& open(char c);
  JsonWriter& close(char c);
  JsonWriter& raw(std::string_view text);
  void comma();

  std::string out_;
  bool first_ = true;  ///< the next value is the first of its object or array, or follows its key
};

}  // namespace aralez
