#include "control/discovery/consul/consul_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "control/discovery/backoff.h"
#include "control/discovery/consul/instances.h"
#include "control/discovery/url_segment.h"
#include "control/fetch/fetch_group.h"
#include "io/socket_address.h"

namespace aralez {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kMostWait{30'000};  // of a blocking query; Consul adds up to a 16th
constexpr milliseconds kLeastWait{500};
constexpr milliseconds kTimeout{10'000};  // of a query that does not block
constexpr seconds kPoll{5};               // where queries do not block
constexpr milliseconds kPause{200};       // between two queries for one service
/// With an answer from which the token took something away.
constexpr const char* kFiltered = "X-Consul-Results-Filtered-By-ACLs";
constexpr std::size_t kMostBytes = 32U * 1024 * 1024;
/// Consul has 200 connections for an address, and others there need some: two discoveries may
/// follow each other, and a third may wait.
constexpr int kMostUnderWay = 60;

/// How long a query may block, so that all services have their turn within kPoll, if there are not
/// thousands.
milliseconds wait_of(std::size_t services) {
  if (services <= std::size_t{kMostUnderWay}) return kMostWait;
  return std::max(kLeastWait, milliseconds(kPoll) * kMostUnderWay / static_cast<int>(services));
}

/// Servers to ask, by the configuration, the environment or custom: an agent is on every node.
std::vector<std::string> servers_of(const ConsulConfig& config) {
  if (!config.servers.empty()) return config.servers;
  const char* host = std::getenv("CONSUL_SERVICE_HOST");
  const char* port = std::getenv("CONSUL_SERVICE_PORT");
  if (host == nullptr || *host == '\0') return {"http://127.0.0.1:8500"};
  return {fmt::format("http://{}:{}", bracketed(host), port == nullptr ? "8500" : port)};
}

/// What is known of asking for one service.
struct Question {
  ServiceKey service;
  std::size_t server = 0;   ///< that is asked
  std::uint64_t index = 0;  ///< of the last answer; 0: ask without waiting for a change
  ConsulAnswer kind = ConsulAnswer::health;
  unsigned failures = 0;  ///< in a row
  bool had_servers = false;
  Clock::time_point due{};
  Clock::time_point asked{};
};

class ConsulRegistry final : public ServiceRegistry {
 public:
  explicit ConsulRegistry(const ConsulConfig& config)
      : servers_(servers_of(config)), token_(config.token), ca_file_(config.ca_file) {}

  void follow(const std::vector<ServiceKey>& services, ServiceListener& listener,
              const std::stop_token& stop) override {
    FetchGroup group;
    std::vector<Question> questions;
    wait_ = wait_of(services.size());
    for (const ServiceKey& service : services) questions.push_back({.service = service});
    while (!stop.stop_requested()) {
      const auto until = ask_due(questions, group);
      if (auto ended = group.next(until, stop))
        take(questions[ended->id], std::move(ended->result), listener);
    }
  }

 private:
  /// Returns when the next is due. Who has waited longest goes first.
  Clock::time_point ask_due(std::vector<Question>& questions, FetchGroup& group) {
    const auto now = Clock::now();
    auto next = now + kPoll;
    std::vector<std::size_t> due;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      if (group.is_under_way(i)) continue;
      if (questions[i].due <= now)
        due.push_back(i);
      else
        next = std::min(next, questions[i].due);
    }
    std::sort(due.begin(), due.end(),
              [&](std::size_t a, std::size_t b) { return questions[a].due < questions[b].due; });
    for (const std::size_t i : due) {
      if (group.size() >= std::size_t{kMostUnderWay}) break;
      questions[i].asked = now;
      group.start(i, request_of(questions[i]));
    }
    return next;
  }

  [[nodiscard]] FetchRequest request_of(const Question& question) const {
    FetchRequest request{
        .url = url_of(question),
        .schemes = FetchRequest::Schemes::any,
        .way = FetchRequest::Way::direct,
        .ca_file = ca_file_,
        .max_bytes = kMostBytes,
        .timeout = kTimeout,
        .wanted_fields = {"X-Consul-Index", kFiltered, "X-Consul-Default-Acl-Policy"}};
    if (!token_.empty()) request.fields.push_back("X-Consul-Token: " + token_);
    if (question.index != 0) request.timeout += wait_ + wait_ / 16;
    return request;
  }

  [[nodiscard]] std::string url_of(const Question& question) const {
    const bool health = question.kind == ConsulAnswer::health;
    std::string url =
        fmt::format("{}/v1/{}/service/{}", servers_[question.server], health ? "health" : "catalog",
                    url_segment(question.service.name));
    if (question.index != 0)
      url += fmt::format("?index={}&wait={}ms", question.index, wait_.count());
    return url;
  }

  void take(Question& question, FetchGroup::Result result, ServiceListener& listener) {
    const std::string& server = servers_[question.server];
    if (!result) return fail(question, fmt::format("{}: {}", server, result.error()), listener);
    if (result->status == 404 && question.kind == ConsulAnswer::health) {
      question.kind = ConsulAnswer::catalog;  // an imitation that has not all of Consul's API
      question.index = 0;
      return;
    }
    if (result->status != 200)
      return fail(question, fmt::format("{}: status {}", server, result->status), listener);
    auto servers = consul_servers(result->body, question.kind);
    if (!servers) return fail(question, fmt::format("{}: {}", server, servers.error()), listener);
    if (servers->empty() && is_hidden(question, result->fields))
      return fail(question,
                  fmt::format("{}: {} may not read the service", server,
                              token_.empty() ? "who has no token" : "the token"),
                  listener);
    question.had_servers = question.had_servers || !servers->empty();
    question.failures = 0;
    plan(question, result->fields[0]);
    listener.found(question.service, std::move(*servers));
  }

  /// An empty list that is none: Consul hides what the token may not read. To those without one it
  /// does not even say so; then it is believed from who has seen servers before.
  [[nodiscard]] bool is_hidden(const Question& question,
                               const std::vector<std::string>& fields) const {
    if (fields[1] == "true") return true;
    return token_.empty() && fields[2] == "deny" && !question.had_servers;
  }

  /// When to ask next, and from where on. An index that goes back begins anew, and one that does
  /// not move although nothing was waited for is a server whose queries do not block.
  static void plan(Question& question, std::string_view field) {
    std::uint64_t index = 0;
    const auto [end, ec] = std::from_chars(field.data(), field.data() + field.size(), index);
    if (ec != std::errc{} || end != field.data() + field.size()) index = 0;
    const auto now = Clock::now();
    const bool blocks = index != 0 && (index != question.index || now - question.asked > kPause);
    question.due = blocks ? std::max(now, question.asked + kPause) : now + kPoll;
    question.index = index < question.index ? 0 : index;
  }

  /// The next server at once, unless all have failed.
  void fail(Question& question, const std::string& why, ServiceListener& listener) {
    question.server = (question.server + 1) % servers_.size();
    question.index = 0;
    question.kind = ConsulAnswer::health;
    ++question.failures;
    const auto rounds = question.failures / static_cast<unsigned>(servers_.size());
    if (question.failures % servers_.size() != 0) {
      question.due = Clock::now();
      return;
    }
    question.due = Clock::now() + backoff(rounds);
    listener.failed(question.service, why);
  }

  const std::vector<std::string> servers_;
  const std::string token_;
  const std::string ca_file_;
  milliseconds wait_ = kMostWait;
};

}  // namespace

std::unique_ptr<ServiceRegistry> make_consul_registry(const ConsulConfig& config) {
  return std::make_unique<ConsulRegistry>(config);
}

}  // namespace aralez
