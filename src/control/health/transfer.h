#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "control/fetch/curl_ptr.h"
#include "control/health/probe.h"
#include "io/socket_address.h"

namespace aralez {

/// One request of a check, by libcurl: on a connection of its own, past every proxy, no redirect
/// followed, of the answer nothing kept but what decides. May be used again and again, for one
/// request at a time. One thread.
class Transfer {
 public:
  Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Makes it ready for the multi handle. `step.ask` is not `greeting`. False: out of memory.
  [[nodiscard]] bool prepare(const HealthTarget& target, const HealthCheckSpec& spec,
                             const ProbeStep& step, CURLSH* share);
  [[nodiscard]] CURL* handle() const noexcept { return easy_.get(); }
  /// What came of it, once it has ended with `code`.
  [[nodiscard]] ProbeOutcome outcome(CURLcode code) const;
  /// Where it was connected to, if it was.
  [[nodiscard]] std::optional<SocketAddress> peer() const;

 private:
  static std::size_t on_header(char* data, std::size_t one, std::size_t n, void* self);
  static std::size_t on_body(char* data, std::size_t one, std::size_t n, void* self);
  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  [[nodiscard]] bool take_header(std::string_view line);
  [[nodiscard]] bool take_body(std::string_view data);

  template <class Value>
  void set(CURLoption option, Value value);
  void set_address(const HealthTarget& target, const HealthCheckSpec& spec, const ProbeStep& step);
  void set_tls(const ClientPolicy& policy);
  void set_request(const HealthCheckSpec& spec, const ProbeStep& step);
  void add_header(const std::string& line);
  [[nodiscard]] ProbeOutcome failure(CURLcode code) const;
  [[nodiscard]] ProbeOutcome tls_failure(CURLcode code) const;

  EasyPtr easy_;
  ListPtr headers_;
  ListPtr connect_to_;
  std::string url_;
  std::string body_;     ///< of a gRPC request
  std::string message_;  ///< begin of a gRPC answer
  std::array<char, CURL_ERROR_SIZE> error_{};
  ProbeStep step_;
  int socket_error_ = 0;  ///< why there was no socket, which libcurl does not pass on
  Millis timeout_{};
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  bool complete_head_ = false;  ///< of the final answer
  std::optional<int> grpc_status_;
};

}  // namespace aralez
