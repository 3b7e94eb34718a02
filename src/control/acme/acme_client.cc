#include "control/acme/acme_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/utf8.h"
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
constexpr seconds kPatience{180};  // for a challenge or an order; the original had 5 s
constexpr milliseconds kFirstPause{250};
constexpr milliseconds kMostPause{10'000};  // unless it asks for more
constexpr milliseconds kMostAskedPause{60'000};
constexpr std::string_view kProblem = "urn:ietf:params:acme:error:";

// Of the answer, in this order.
enum Wanted : std::uint8_t { kNonce, kLocation, kRetryAfter };
const std::vector<std::string> kWanted{"replay-nonce", "location", "retry-after"};

/// In seconds alone: a date is read as nothing.
std::optional<seconds> retry_after_of(const FetchAnswer& answer) {
  std::uint32_t number = 0;
  constexpr std::uint32_t kDay = 24 * 3600;
  if (!parse_number<std::uint32_t>(answer.fields[kRetryAfter], 0, kDay, number))
    return std::nullopt;
  return seconds(number);
}

/// A problem document (RFC 7807), or what else there is to say.
AcmeError problem_of(const std::string& url, const FetchAnswer& answer) {
  const json body = parse_json(answer.body);
  AcmeError error{.text = one_line(text_in(body, "detail"))};
  error.retry_after = retry_after_of(answer);
  if (const std::string type = text_in(body, "type"); type.starts_with(kProblem))
    error.type = one_line(type.substr(kProblem.size()));
  if (error.text.empty()) error.text = fmt::format("{} answers with status {}", url, answer.status);
  if (!error.type.empty()) error.text += fmt::format(" ({})", error.type);
  return error;
}

/// C0, DEL and C1. `one` is a character of UTF-8.
bool is_control(std::string_view one) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(one[i]); };
  if (one.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  return one.size() == 2 && byte(0) == 0xc2 && byte(1) < 0xa0;
}

AcmeClient::Answer answer_of(FetchAnswer answer) {
  auto retry_after = retry_after_of(answer);
  return {.body = parse_json(answer.body),
          .text = std::move(answer.body),
          .location = std::move(answer.fields[kLocation]),
          .retry_after = retry_after};
}

}  // namespace

std::string one_line(std::string_view text) {
  constexpr std::size_t kMost = 400;
  std::string out;
  while (!text.empty()) {
    const std::size_t size = std::max<std::size_t>(utf8_length(text), 1);
    const std::string_view one = text.substr(0, size);
    if (out.size() + size > kMost) break;
    if (utf8_length(text) == 0)
      out += '?';
    else
      is_control(one) ? out += ' ' : out += one;
    text.remove_prefix(size);
  }
  return out;
}

AcmeClient::Result<FetchAnswer> AcmeClient::send(FetchRequest request) {
  request.ca_file = ca_.ca_file;
  request.max_bytes = kMostBytes;
  request.timeout = kTimeout;
  request.wanted_fields = kWanted;
  const std::string url = request.url;
  auto answer = fetcher_.ask(request, stop_);
  if (stop_.stop_requested()) return std::unexpected(AcmeError{"the process is about to end"});
  if (!answer)
    return std::unexpected(AcmeError{fmt::format("{}: {}", one_line(url), answer.error())});
  if (!answer->fields[kNonce].empty()) nonce_ = std::move(answer->fields[kNonce]);
  return std::move(*answer);
}

AcmeClient::Result<void> AcmeClient::open() {
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
  while (true) {
    auto answer = post(as, url, "");
    const auto is_pending = [&] {
      return std::ranges::find(pending, text_in(answer->body, "status")) != pending.end();
    };
    if (answer && !is_pending()) return answer;
    if (stop_.stop_requested() || (!answer && !answer.error().type.empty())) return answer;
    if (Clock::now() >= end)
      return answer ? std::unexpected(AcmeError{fmt::format("{} is still {} after {} s", url,
                                                            text_in(answer->body, "status"),
                                                            kPatience.count())})
                    : std::unexpected(std::move(answer.error()));
    const auto asked = answer ? answer->retry_after : std::nullopt;
    if (!pause(asked ? std::clamp<milliseconds>(*asked, kFirstPause, kMostAskedPause) : wait))
      return std::unexpected(AcmeError{"the process is about to end"});
    wait = std::min(wait * 2, kMostPause);
  }
}

bool AcmeClient::pause(Clock::duration time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop_, time, [] { return false; });
  return !stop_.stop_requested();
}

}  // namespace aralez
