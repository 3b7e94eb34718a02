#include "control/fetch/fetcher.h"

#include "control/fetch/transfer.h"

namespace aralez {
namespace {

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(user)->stop_requested() ? 1 : 0;
}

}  // namespace

Fetcher::Fetcher() : transfer_(std::make_unique<FetchTransfer>()) {}

Fetcher::~Fetcher() = default;

std::expected<FetchAnswer, std::string> Fetcher::get(const FetchRequest& request,
                                                     const std::stop_token& stop) {
  CURL* const curl = transfer_->prepare(request);
  if (curl == nullptr) return std::unexpected("out of memory");
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stop);
  return transfer_->result(curl_easy_perform(curl));
}

}  // namespace aralez
