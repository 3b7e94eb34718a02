#include "control/fetch/fetcher.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <mutex>

namespace aralez {
namespace {

struct FreeCurl {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using FieldList = std::unique_ptr<curl_slist, FreeList>;

struct Received {
  std::string text;
  std::size_t max = 0;
};

std::size_t on_data(char* data, std::size_t, std::size_t size, void* user) {
  auto& received = *static_cast<Received*>(user);
  if (size > received.max - received.text.size()) return 0;  // ends the transfer
  received.text.append(data, size);
  return size;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(user)->stop_requested() ? 1 : 0;
}

FieldList fields_of(const FetchRequest& request) {
  FieldList list;
  for (const std::string& line : request.fields)
    if (curl_slist* const longer = curl_slist_append(list.get(), line.c_str())) {
      static_cast<void>(list.release());
      list.reset(longer);
    }
  return list;
}

void set_bounds(CURL* curl, const FetchRequest& request) {
  const bool https = request.schemes == FetchRequest::Schemes::https;
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, https ? "https" : "http,https");
  if (request.way == FetchRequest::Way::direct) curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "aralez/" ARALEZ_VERSION);
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
}

}  // namespace

struct Fetcher::Handle {
  std::unique_ptr<CURL, FreeCurl> curl{curl_easy_init()};
};

Fetcher::Fetcher() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  handle_ = std::make_unique<Handle>();
}

Fetcher::~Fetcher() = default;

std::expected<FetchAnswer, std::string> Fetcher::get(const FetchRequest& request,
                                                     const std::stop_token& stop) {
  CURL* const curl = handle_->curl.get();
  if (!curl) return std::unexpected("out of memory");
  const FieldList fields = fields_of(request);
  Received received{.text = {}, .max = request.max_bytes};
  std::array<char, CURL_ERROR_SIZE> why{};
  curl_easy_reset(curl);  // its connections stay
  set_bounds(curl, request);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why.data());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_data);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stop);
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (code == CURLE_WRITE_ERROR)
    return std::unexpected(fmt::format("the answer is larger than {} bytes", request.max_bytes));
  if (code != CURLE_OK)
    return std::unexpected(why[0] != '\0' ? why.data() : curl_easy_strerror(code));
  FetchAnswer answer{.body = std::move(received.text)};
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

}  // namespace aralez
