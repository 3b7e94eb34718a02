#pragma once

#include <chrono>
#include <expected>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "control/acme/acme_error.h"
#include "control/fetch/fetcher.h"
#include "control/schema/acme_config.h"
#include "tls/signing_key.h"

namespace aralez {

/// An account, or only a key on its way to one.
struct AcmeAccount {
  SigningKey key;
  std::string url = {};  ///< empty: not registered
};

/// One conversation with a certificate authority (RFC 8555 sections 6 and 7.1.1): signs what is
/// sent, keeps the nonces, and reads what comes back without trust. One thread, which waits; ends
/// early when `stop` is asked for.
class AcmeClient {
 public:
  struct Answer {
    nlohmann::json body;   ///< discarded() or null where it is no JSON
    std::string text;      ///< as it came
    std::string location;  ///< URL of what was made
    std::optional<std::chrono::seconds> retry_after;
  };
  template <class T>
  using Result = std::expected<T, AcmeError>;

  /// Where to ask for what.
  struct Directory {
    std::string new_nonce, new_account, new_order;
    std::string renewal_info;  ///< empty: it tells no times for renewals (RFC 9773)
  };

  AcmeClient(const AcmeConfig& ca, std::stop_token stop) : ca_(ca), stop_(std::move(stop)) {}

  /// Before all else.
  [[nodiscard]] Result<void> open();
  [[nodiscard]] const Directory& directory() const noexcept { return directory_; }

  /// What anybody may ask for. An answer with a status of 2xx.
  [[nodiscard]] Result<Answer> get(const std::string& url);
  /// The same, signed. An empty payload asks for what is at `url`.
  [[nodiscard]] Result<Answer> post(const AcmeAccount& as, const std::string& url,
                                    std::string_view payload);
  /// Asks for what is there until its status is none of `pending`, over troubles that pass; a few
  /// minutes at most.
  [[nodiscard]] Result<Answer> wait_for(const AcmeAccount& as, const std::string& url,
                                        std::initializer_list<std::string_view> pending);
  /// False: it is to stop.
  [[nodiscard]] bool wait_a_moment(std::chrono::steady_clock::duration time);

 private:
  [[nodiscard]] Result<FetchAnswer> send(FetchRequest request);
  [[nodiscard]] Result<std::string> take_nonce();
  [[nodiscard]] Result<FetchAnswer> send_signed(const AcmeAccount& as, const std::string& url,
                                                std::string_view payload);
  const AcmeConfig& ca_;
  const std::stop_token stop_;
  Fetcher fetcher_;
  Directory directory_;
  std::string nonce_;                            ///< for the next request; empty: none is left
  std::chrono::steady_clock::time_point end_{};  ///< nothing is signed after it
};

}  // namespace aralez
