#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace aralez {

struct FetchRequest {
  enum class Method : std::uint8_t { get, head, post };
  enum class Schemes : std::uint8_t { https, any };
  /// `surroundings`: a proxy that https_proxy and the like name.
  enum class Way : std::uint8_t { surroundings, direct };

  std::string url;
  Method method = Method::get;
  std::string body = {};  ///< of post; its Content-Type is one of `fields`
  Schemes schemes = Schemes::https;
  Way way = Way::surroundings;
  std::vector<std::string> fields = {};         ///< whole lines, without line ends
  std::string ca_file = {};                     ///< empty: the system's
  std::size_t max_bytes = 0;                    ///< of the body; what is larger is an error
  std::chrono::milliseconds timeout{10'000};    ///< of all of it; no connection takes more than 5 s
  std::vector<std::string> wanted_fields = {};  ///< names of those of the answer that matter
  /// Gets the body of an answer of status 200 piece by piece, in place of FetchAnswer::body, and
  /// says whether to go on. There is no `max_bytes` for it.
  std::function<bool(std::string_view)> on_text = {};
};

struct FetchAnswer {
  long status = 0;
  std::string body;
  std::vector<std::string> fields;  ///< values of FetchRequest::wanted_fields, or nothing
};

class FetchGroup;

/// Asks servers over HTTP, in the calling thread, which waits: not for workers. Certificates of
/// servers are verified, redirects are not followed. One thread at a time; keeps its connection for
/// the next request to the same server.
class Fetcher {
 public:
  Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;
  ~Fetcher();

  /// An answer with any status, or what went wrong, in words. Ends early when `stop` is asked for.
  [[nodiscard]] std::expected<FetchAnswer, std::string> ask(const FetchRequest& request,
                                                            const std::stop_token& stop = {});

 private:
  std::unique_ptr<FetchGroup> group_;  ///< of one
};

}  // namespace aralez
