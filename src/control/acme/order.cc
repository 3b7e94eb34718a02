#include "control/acme/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/ascii.h"
#include "base/base64.h"
#include "control/acme/jws.h"
#include "control/json/json_access.h"

namespace aralez {
namespace {

using nlohmann::json;
using Answer = AcmeClient::Answer;
template <class T>
using Result = AcmeClient::Result<T>;

constexpr std::size_t kMostAuthorizations = 8;  // one name needs one

std::unexpected<AcmeError> failed(std::string text) {
  return std::unexpected(AcmeError{std::move(text)});
}

/// Base64url (RFC 8555 section 8.3); it becomes part of a path that we answer to.
bool is_token(std::string_view token) {
  constexpr std::size_t kMost = 256;
  return !token.empty() && token.size() <= kMost && std::ranges::all_of(token, [](char c) {
    return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' ||
           c == '_';
  });
}

/// Why something has the status that it has, in the words of the authority.
AcmeError refusal(std::string_view what, const json& problem, const std::string& status) {
  AcmeError error = read_problem(problem, "no reason is given");
  error.text = fmt::format("{} is {}: {}", what,
                           status.empty() ? "without a status" : one_line(status), error.text);
  return error;
}

/// Whether the order itself is fine, and only the certificate that it would take the place of is
/// not: of another account, or not known any more (RFC 9773 section 5).
bool blames_what_it_replaces(const AcmeError& error) {
  constexpr auto kOther = std::to_array<std::string_view>(
      {"", "rateLimited", "badNonce", "accountDoesNotExist", "serverInternal"});
  return std::ranges::find(kOther, error.type) == kOther.end();
}

/// From an order to its certificate. One per order.
class Order {
 public:
  Order(AcmeClient& client, const AcmeAccount& account, const std::string& host,
        ChallengeTable& challenges, const std::string& replaces)
      : client_(client),
        account_(account),
        host_(host),
        challenges_(challenges),
        replaces_(replaces) {}

  Result<OrderedCertificate> run() {
    if (auto placed = place(); !placed) return std::unexpected(std::move(placed.error()));
    for (const std::string& url : authorizations_)
      if (auto ok = authorize(url); !ok) return std::unexpected(std::move(ok.error()));
    auto key = SigningKey::generate();
    if (!key) return failed("OpenSSL makes no key");
    auto certificate = finalize(*key);
    if (!certificate) return std::unexpected(std::move(certificate.error()));
    auto chain = download(*certificate, *key);
    if (!chain) return std::unexpected(std::move(chain.error()));
    return OrderedCertificate{.chain = std::move(*chain), .key = std::move(*key)};
  }

 private:
  Result<void> place() {
    json wanted{{"identifiers", json::array({{{"type", "dns"}, {"value", host_}}})}};
    if (!replaces_.empty()) wanted["replaces"] = replaces_;
    auto order = client_.post(account_, client_.directory().new_order, wanted.dump());
    if (!order && !replaces_.empty() && blames_what_it_replaces(order.error())) {
      wanted.erase("replaces");
      order = client_.post(account_, client_.directory().new_order, wanted.dump());
    }
    if (!order) return std::unexpected(order.error());
    url_ = order->location;
    finalize_ = text_in(order->body, "finalize");
    for (const json& url : list_in(order->body, "authorizations"))
      if (url.is_string()) authorizations_.push_back(url.get<std::string>());
    if (url_.empty() || finalize_.empty() || authorizations_.empty() ||
        authorizations_.size() > kMostAuthorizations)
      return failed("the order lacks what RFC 8555 wants of one");
    return {};
  }

  Result<void> authorize(const std::string& url) {
    const auto asked = client_.post(account_, url, "");
    if (!asked) return std::unexpected(asked.error());
    if (const std::string status = text_in(asked->body, "status"); status != "pending")
      return status == "valid" ? Result<void>()
                               : std::unexpected(refusal("the authorization", json(), status));
    const json* const challenge = http_challenge(asked->body);
    if (challenge == nullptr) return failed("the authority offers no HTTP-01 challenge");
    const std::string token = text_in(*challenge, "token");
    if (!is_token(token)) return failed("the token of the challenge is malformed");
    const ChallengeTable::Met met(challenges_, token, token + "." + thumbprint_of(account_.key));
    const auto begun = client_.post(account_, text_in(*challenge, "url"), "{}");
    if (!begun) return std::unexpected(begun.error());
    const auto judged = client_.wait_for(account_, url, {"pending", "processing"});
    if (!judged) return std::unexpected(judged.error());
    const std::string status = text_in(judged->body, "status");
    if (status == "valid") return {};
    const json* const refused = http_challenge(judged->body);
    return std::unexpected(
        refusal("the challenge", refused ? member(*refused, "error") : json(), status));
  }

  static const json* http_challenge(const json& authorization) {
    for (const json& challenge : list_in(authorization, "challenges"))
      if (text_in(challenge, "type") == "http-01") return &challenge;
    return nullptr;
  }

  /// The URL of the certificate.
  Result<std::string> finalize(const SigningKey& key) {
    const auto ready = client_.wait_for(account_, url_, {"pending", "processing"});
    if (!ready) return std::unexpected(ready.error());
    if (const std::string status = text_in(ready->body, "status"); status != "ready")
      return std::unexpected(refusal("the order", member(ready->body, "error"), status));
    const std::string request = key.certificate_request(host_);
    if (request.empty()) return failed("OpenSSL makes no request for a certificate");
    const auto done = finalized(json{{"csr", encode_base64url(request)}}.dump());
    if (!done) return std::unexpected(done.error());
    const std::string status = text_in(done->body, "status");
    std::string certificate = text_in(done->body, "certificate");
    if (status == "valid" && !certificate.empty()) return certificate;
    return std::unexpected(refusal("the order", member(done->body, "error"), status));
  }

  /// The order at its end. An answer that is lost on its way does not tell whether the authority
  /// has begun: the order does.
  Result<Answer> finalized(const std::string& payload) {
    constexpr int kTries = 3;
    for (int tries = 1;; ++tries) {
      const auto taken = client_.post(account_, finalize_, payload);
      const bool begun_before = !taken && taken.error().type == "orderNotReady";
      if (!taken && !taken.error().passing && !begun_before) return std::unexpected(taken.error());
      auto done = taken ? client_.wait_for(account_, url_, {"ready", "processing"})
                        : client_.wait_for(account_, url_, {"processing"});
      const bool never_begun = !taken && done && text_in(done->body, "status") == "ready";
      if (!never_begun) return done;
      const auto pause = taken.error().retry_after.value_or(std::chrono::seconds{1});
      if (tries == kTries || !client_.wait_a_moment(pause)) return std::unexpected(taken.error());
    }
  }

  Result<IssuedChain> download(const std::string& url, const SigningKey& key) {
    const auto answer = client_.wait_for(account_, url, {});
    if (!answer) return std::unexpected(answer.error());
    auto chain = check_issued_chain(answer->text, key, host_, std::time(nullptr));
    if (!chain) return failed(std::move(chain.error()));
    return std::move(*chain);
  }

  AcmeClient& client_;
  const AcmeAccount& account_;
  const std::string& host_;
  ChallengeTable& challenges_;
  const std::string& replaces_;
  std::string url_;
  std::string finalize_;
  std::vector<std::string> authorizations_;
};

}  // namespace

std::expected<OrderedCertificate, AcmeError> order_certificate(AcmeClient& client,
                                                               const AcmeAccount& account,
                                                               const std::string& host,
                                                               ChallengeTable& challenges,
                                                               const std::string& replaces) {
  return Order(client, account, host, challenges, replaces).run();
}

}  // namespace aralez
