#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <stop_token>
#include <string>

namespace aralez {

struct HttpsRequest {
  std::string url;
  std::string ca_file;  ///< empty: the system's
  std::size_t max_bytes = 0;
  std::chrono::seconds timeout{10};  ///< of all of it
};

/// The body of a 200, fetched in the calling thread; otherwise what went wrong, in words. The
/// server's certificate is verified, redirects are not followed. Ends early when `stop` is asked
/// for.
[[nodiscard]] std::expected<std::string, std::string> fetch_https(const HttpsRequest& request,
                                                                  const std::stop_token& stop);

}  // namespace aralez
