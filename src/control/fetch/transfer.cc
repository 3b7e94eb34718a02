#include "control/fetch/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace aralez {
namespace {

constexpr long kConnectMs = 5000;
constexpr long kKeepAliveSeconds = 15;  // a request that waits long learns that the other is gone
constexpr long kOk = 200;

}  // namespace

FetchTransfer::FetchTransfer(FetchRequest request)
    : curl_(curl_easy_init()), request_(std::move(request)) {
  if (!curl_) return;
  for (const std::string& line : request_.fields) {
    curl_slist* const list = curl_slist_append(fields_.get(), line.c_str());
    if (!fields_) fields_.reset(list);  // one that there is grows at its end
  }
  set_bounds();
  set_method();
  curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, fields_.get());
  curl_easy_setopt(curl_.get(), CURLOPT_ERRORBUFFER, why_.data());
  curl_easy_setopt(curl_.get(), CURLOPT_WRITEFUNCTION, &FetchTransfer::on_data);
  curl_easy_setopt(curl_.get(), CURLOPT_WRITEDATA, this);
}

void FetchTransfer::set_method() {
  if (request_.method == FetchRequest::Method::head)
    curl_easy_setopt(curl_.get(), CURLOPT_NOBODY, 1L);
  if (request_.method != FetchRequest::Method::post) return;
  curl_easy_setopt(curl_.get(), CURLOPT_POST, 1L);
  curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDS, request_.body.data());  // not copied
  curl_easy_setopt(curl_.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request_.body.size()));
}

void FetchTransfer::set_bounds() {
  const bool https = request_.schemes == FetchRequest::Schemes::https;
  const long timeout = static_cast<long>(request_.timeout.count());
  curl_easy_setopt(curl_.get(), CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(curl_.get(), CURLOPT_PROTOCOLS_STR, https ? "https" : "http,https");
  if (request_.way == FetchRequest::Way::direct)
    curl_easy_setopt(curl_.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl_.get(), CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl_.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl_.get(), CURLOPT_QUICK_EXIT,
                   1L);  // or a lookup that takes long is waited for
  curl_easy_setopt(curl_.get(), CURLOPT_TIMEOUT_MS, timeout);
  curl_easy_setopt(curl_.get(), CURLOPT_CONNECTTIMEOUT_MS, std::min(timeout, kConnectMs));
  curl_easy_setopt(curl_.get(), CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl_.get(), CURLOPT_TCP_KEEPIDLE, kKeepAliveSeconds);
  curl_easy_setopt(curl_.get(), CURLOPT_TCP_KEEPINTVL, kKeepAliveSeconds / 3);
  curl_easy_setopt(curl_.get(), CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl_.get(), CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl_.get(), CURLOPT_USERAGENT, "aralez/" ARALEZ_VERSION);
  if (request_.ca_file.empty()) return;
  curl_easy_setopt(curl_.get(), CURLOPT_CAINFO, request_.ca_file.c_str());
  curl_easy_setopt(curl_.get(), CURLOPT_CAPATH, nullptr);  // or the system's are trusted as well
  curl_easy_setopt(curl_.get(), CURLOPT_CA_CACHE_TIMEOUT,
                   0L);  // the file may be another one by now
}

std::size_t FetchTransfer::on_data(char* data, std::size_t one, std::size_t size, void* self) {
  // Less than all of it ends the transfer.
  return static_cast<FetchTransfer*>(self)->take({data, one * size}) ? one * size : 0;
}

bool FetchTransfer::take(std::string_view data) {
  if (request_.on_text && status() == kOk) return request_.on_text(data);
  too_large_ = data.size() > request_.max_bytes - body_.size();
  if (!too_large_) body_.append(data);
  return !too_large_;
}

long FetchTransfer::status() const {
  long status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

std::expected<FetchAnswer, std::string> FetchTransfer::result(CURLcode code) {
  curl_easy_setopt(curl_.get(), CURLOPT_ERRORBUFFER, nullptr);
  if (too_large_)
    return std::unexpected(fmt::format("the answer is larger than {} bytes", request_.max_bytes));
  // Who takes the text piece by piece has had enough of it.
  const bool enough = code == CURLE_WRITE_ERROR && request_.on_text;
  if (code != CURLE_OK && !enough)
    return std::unexpected(why_[0] != '\0' ? why_.data() : curl_easy_strerror(code));
  FetchAnswer answer{.status = status(), .body = std::move(body_)};
  for (const std::string& name : request_.wanted_fields) {
    curl_header* field = nullptr;
    const auto found = curl_easy_header(curl_.get(), name.c_str(), 0, CURLH_HEADER, -1, &field);
    answer.fields.emplace_back(found == CURLHE_OK ? field->value : "");
  }
  return answer;
}

}  // namespace aralez
