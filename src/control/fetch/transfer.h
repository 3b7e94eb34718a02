#pragma once

#include <array>
#include <expected>
#include <memory>
#include <string>

#include "control/fetch/curl_ptr.h"
#include "control/fetch/fetcher.h"

namespace aralez {

/// One request by libcurl. One thread.
class FetchTransfer {
 public:
  explicit FetchTransfer(FetchRequest request);
  FetchTransfer(const FetchTransfer&) = delete;
  FetchTransfer& operator=(const FetchTransfer&) = delete;

  /// Ready to be performed. Null: out of memory.
  [[nodiscard]] CURL* handle() const noexcept { return curl_.get(); }
  /// What came of it, once it has ended with `code`.
  [[nodiscard]] std::expected<FetchAnswer, std::string> result(CURLcode code);

 private:
  static std::size_t on_data(char* data, std::size_t one, std::size_t size, void* self);
  [[nodiscard]] bool take(std::string_view data);
  [[nodiscard]] long status() const;
  void set_bounds();
  void set_method();

  EasyPtr curl_;
  ListPtr fields_;
  const FetchRequest request_;
  std::string body_;
  bool too_large_ = false;
  std::array<char, CURL_ERROR_SIZE> why_{};
};

}  // namespace aralez
