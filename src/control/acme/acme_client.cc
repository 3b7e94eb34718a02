#include "control/acme/acme_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <mutex>

#include "control/acme/jws.h"
#include "control/json/json_access.h"
#include "control/schema/values.h"

namespace aralez {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostBytes = 512U * 1024;
constexpr milliseconds kTimeout{30'000};  // of one request
constexpr int kNonceTries = 10;
constexpr seconds kPatience{180};              // for a challenge or an order; the original had 5 s
constexpr std::chrono::minutes kMostTime{15};  // for all that is signed
constexpr int kMostFailures = 5;               // in a row, meanwhile
constexpr milliseconds kFirstPause{250};
constexpr milliseconds kMostPause{10'000};  // unless it asks for more
constexpr milliseconds kMostAskedPause{60'000};

const std::string kNonce = "replay-nonce";
const std::string kLocation = "location";
const std::string kRetryAfter = "retry-after";

/// Of the answer; empty: it has none.
std::string& field(FetchAnswer& answer, const std::string& name) {
  return answer.fields[name == kNonce ? 0 : name == kLocation ? 1 : 2];
}

/// Seconds or a date (RFC 9110 section 10.2.3). More than a week is a week.
std::optional<seconds> retry_after_of(FetchAnswer& answer) {
  constexpr std::uint64_t kWeek = 7 * 24 * 3600;
  const std::string& text = field(answer, kRetryAfter);
  std::uint64_t number = 0;
  if (parse_number<std::uint64_t>(text, 0, UINT64_MAX, number))
    return seconds(std::min(number, kWeek));
  const std::time_t date = curl_getdate(text.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return seconds(std::clamp<std::time_t>(date - std::time(nullptr), 0, kWeek));
}

AcmeError problem_of(const std::string& url, FetchAnswer& answer) {
  AcmeError error =
      read_problem(parse_json(answer.body),
                   fmt::format("{} answers with status {}", one_line(url), answer.status));
  error.retry_after = retry_after_of(answer);
  const bool soon = error.retry_after.value_or(seconds{0}) <= kMostAskedPause;
  error.passing = soon && (answer.status / 100 == 5 || answer.status == 429);
  return error;
}

AcmeClient::Answer answer_of(FetchAnswer answer) {
  auto retry_after = retry_after_of(answer);
  return {.body = parse_json(answer.body),
          .text = std::move(answer.body),
          .location = std::move(field(answer, kLocation)),
          .retry_after = retry_after};
}

}  // namespace

AcmeClient::Result<FetchAnswer> AcmeClient::send(FetchRequest request) {
  request.ca_file = ca_.ca_file;
  request.max_bytes = kMostBytes;
  request.timeout = kTimeout;
  request.wanted_fields = {kNonce, kLocation, kRetryAfter};
  const std::string url = request.url;
  if (!url.starts_with("https://"))
    return std::unexpected(AcmeError{fmt::format("\"{}\" is no https:// URL", one_line(url))});
  auto answer = fetcher_.ask(request, stop_);
  if (stop_.stop_requested()) return std::unexpected(process_ends());
  if (!answer)
    return std::unexpected(
        AcmeError{.text = fmt::format("{}: {}", one_line(url), answer.error()), .passing = true});
  if (!field(*answer, kNonce).empty()) nonce_ = std::move(field(*answer, kNonce));
  return std::move(*answer);
}

AcmeClient::Result<void> AcmeClient::open() {
  end_ = Clock::now() + kMostTime;
  const auto answer = get(ca_.directory);
  if (!answer) return std::unexpected(answer.error());
  const json& body = answer->body;
  directory_ = {.new_nonce = text_in(body, "newNonce"),
                .new_account = text_in(body, "newAccount"),
                .new_order = text_in(body, "newOrder"),
                .renewal_info = text_in(body, "renewalInfo")};
  if (directory_.new_nonce.empty() || directory_.new_account.empty() ||
      directory_.new_order.empty())
    return std::unexpected(
        AcmeError{fmt::format("{} is no directory of an authority", ca_.directory)});
  return {};
}

AcmeClient::Result<std::string> AcmeClient::take_nonce() {
  if (nonce_.empty()) {
    auto answer = send({.url = directory_.new_nonce, .method = FetchRequest::Method::head});
    if (!answer) return std::unexpected(std::move(answer.error()));
    if (nonce_.empty())
      return std::unexpected(AcmeError{
          fmt::format("{} gives no nonce, but status {}", directory_.new_nonce, answer->status)});
  }
  return std::exchange(nonce_, {});
}

AcmeClient::Result<FetchAnswer> AcmeClient::send_signed(const AcmeAccount& as,
                                                        const std::string& url,
                                                        std::string_view payload) {
  auto nonce = take_nonce();
  if (!nonce) return std::unexpected(std::move(nonce.error()));
  std::string body =
      sign_jws(as.key, {.url = url, .nonce = std::move(*nonce), .account = as.url}, payload);
  if (body.empty()) return std::unexpected(AcmeError{"OpenSSL cannot sign"});
  return send({.url = url,
               .method = FetchRequest::Method::post,
               .body = std::move(body),
               .fields = {"Content-Type: application/jose+json"}});
}

AcmeClient::Result<AcmeClient::Answer> AcmeClient::get(const std::string& url) {
  auto answer = send({.url = url});
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->status / 100 != 2) return std::unexpected(problem_of(url, *answer));
  return answer_of(std::move(*answer));
}

AcmeClient::Result<AcmeClient::Answer> AcmeClient::post(const AcmeAccount& as,
                                                        const std::string& url,
                                                        std::string_view payload) {
  for (int tries = 0;; ++tries) {
    if (Clock::now() >= end_) return std::unexpected(AcmeError{"the authority takes too long"});
    auto answer = send_signed(as, url, payload);
    if (!answer) return std::unexpected(std::move(answer.error()));
    if (answer->status / 100 != 2) {
      AcmeError why = problem_of(url, *answer);
      if (why.type == "badNonce" && tries < kNonceTries) continue;  // RFC 8555 section 6.5
      return std::unexpected(std::move(why));
    }
    return answer_of(std::move(*answer));
  }
}

AcmeClient::Result<AcmeClient::Answer> AcmeClient::wait_for(
    const AcmeAccount& as, const std::string& url,
    std::initializer_list<std::string_view> pending) {
  const auto end = Clock::now() + kPatience;
  milliseconds wait = kFirstPause;
  for (int failures = 0;;) {
    auto answer = post(as, url, "");
    const std::string status = answer ? text_in(answer->body, "status") : std::string();
    failures = answer ? 0 : failures + 1;
    const bool again = answer ? std::ranges::find(pending, status) != pending.end()
                              : answer.error().passing && failures < kMostFailures;
    if (!again) return answer;
    const auto asked = answer ? answer->retry_after : answer.error().retry_after;
    const auto pause = asked ? std::clamp<milliseconds>(*asked, wait, kMostAskedPause) : wait;
    if (Clock::now() + pause >= end)
      return answer ? std::unexpected(AcmeError{fmt::format(
                          "{} is still {} after {} s", one_line(url), status, kPatience.count())})
                    : std::unexpected(std::move(answer.error()));
    if (!wait_a_moment(pause)) return std::unexpected(process_ends());
    wait = std::min(wait * 2, kMostPause);
  }
}

bool AcmeClient::wait_a_moment(Clock::duration time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop_, time, [] { return false; });
  return !stop_.stop_requested();
}

}  // namespace aralez
