#include "control/top/source.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

namespace aralez::top {
namespace {

constexpr long kTimeout = 5;                           // seconds
constexpr std::size_t kMostBytes = 256 * 1024 * 1024;  // of an answer

struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

std::size_t take(const char* data, std::size_t, std::size_t n, void* to) {
  auto& text = *static_cast<std::string*>(to);
  if (text.size() + n > kMostBytes) return 0;
  text.append(data, n);
  return n;
}

}  // namespace

Source::Source(std::string base, std::string key)
    : base_(std::move(base)), key_(std::move(key)), curl_(curl_easy_init()) {}

Source::~Source() {
  curl_easy_cleanup(curl_);
}

std::expected<Figures, std::string> Source::look() {
  std::string text;
  const std::unique_ptr<curl_slist, FreeList> fields(
      key_.empty() ? nullptr : curl_slist_append(nullptr, ("x-api-key: " + key_).c_str()));
  const std::string url = base_ + "/status?format=json";
  curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, fields.get());
  curl_easy_setopt(curl_, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl_, CURLOPT_TIMEOUT, kTimeout);
  curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &text);
  if (const CURLcode code = curl_easy_perform(curl_); code != CURLE_OK)
    return std::unexpected(fmt::format("{}: {}", base_, curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
  if (status == 403)
    return std::unexpected(
        fmt::format("{}: access denied; give the master_key of its main.yaml "
                    "by -c or in ARALEZ_KEY",
                    base_));
  if (status != 200) return std::unexpected(fmt::format("{}: status {}", base_, status));
  auto figures = read_figures(text);
  if (!figures) return std::unexpected(fmt::format("{}: not the API of aralez", base_));
  return std::move(*figures);
}

}  // namespace aralez::top
