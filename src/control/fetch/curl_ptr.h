#pragma once

#include <curl/curl.h>

#include <memory>

namespace aralez {

// libcurl's handles are all `void` or opaque: each gets a deleter of its own.
struct EasyFree {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
struct MultiFree {
  void operator()(CURLM* handle) const noexcept { curl_multi_cleanup(handle); }
};
struct ShareFree {
  void operator()(CURLSH* handle) const noexcept { curl_share_cleanup(handle); }
};
struct ListFree {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using EasyPtr = std::unique_ptr<CURL, EasyFree>;
using MultiPtr = std::unique_ptr<CURLM, MultiFree>;
using SharePtr = std::unique_ptr<CURLSH, ShareFree>;
using ListPtr = std::unique_ptr<curl_slist, ListFree>;

/// Before the first handle of the process; does it once.
void init_curl();

}  // namespace aralez
