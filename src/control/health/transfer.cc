#include "control/health/transfer.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "base/ascii.h"
#include "base/unique_fd.h"
#include "io/socket_address.h"

namespace aralez {
namespace {

using Kind = ProbeOutcome::Kind;

constexpr std::size_t kMaxHeaderBytes = 64 * 1024;
constexpr std::size_t kMaxBodyBytes = 64 * 1024;
constexpr std::size_t kGrpcPrefix = 5;  // compressed or not, length
constexpr const char* kUserAgent = "aralez/" ARALEZ_VERSION " health";

/// What a URL cannot hold as it is; the rest was checked with the configuration.
std::string escaped(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const auto b = static_cast<unsigned char>(c);
    if (b <= 0x20 || b >= 0x7f ||
        std::string_view("\"<>\\^`{|}#").find(c) != std::string_view::npos)
      out += fmt::format("%{:02X}", b);
    else
      out += c;
  }
  return out;
}

/// HealthCheckRequest: its one field is the service. Shorter than 128 bytes (control/schema).
std::string grpc_request(const std::string& service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';
    message += static_cast<char>(service.size());
    message += service;
  }
  std::string out(kGrpcPrefix, '\0');
  out[4] = static_cast<char>(message.size());
  return out + message;
}

/// HealthCheckResponse with the status SERVING.
constexpr std::string_view kServing{"\x08\x01", 2};

std::string in_seconds(Millis time) {
  return fmt::format("{:.3g} s", static_cast<double>(time.count()) / 1000);
}

bool of_ours(long err) {
  return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM || err == EADDRNOTAVAIL;
}

/// What a lookup fails of as well, but says nothing about.
bool out_of_descriptors() {
  return !UniqueFd(::eventfd(0, EFD_CLOEXEC)) && of_ours(errno);
}

}  // namespace

Transfer::Transfer() : easy_(curl_easy_init()) {}

template <class Value>
void Transfer::set(CURLoption option, Value value) {
  curl_easy_setopt(easy_.get(), option, value);
}

bool Transfer::prepare(const HealthTarget& target, const HealthCheckSpec& spec,
                       const ProbeStep& step, CURLSH* share) {
  if (!easy_) return false;
  curl_easy_reset(easy_.get());
  headers_.reset();
  connect_to_.reset();
  step_ = step;
  timeout_ = spec.timeout;
  header_bytes_ = body_bytes_ = 0;
  complete_head_ = false;
  grpc_status_.reset();
  message_.clear();
  error_[0] = '\0';
  socket_error_ = 0;
  set(CURLOPT_SHARE, share);
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // or a lookup that takes long would be waited for
  set(CURLOPT_PROXY, "");       // whatever the environment says (behaviour section 1.2)
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_FRESH_CONNECT, 1L);  // that it accepts is part of what is asked
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(step.time.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(step.time.count()));
  set(CURLOPT_DNS_CACHE_TIMEOUT, 30L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_USERAGENT, kUserAgent);
  set(CURLOPT_PATH_AS_IS, 1L);
  set_address(target, spec, step);
  if (step.wire == Wire::tls) set_tls(target.tls.value_or(ClientPolicy()));
  set_request(spec, step);
  set(CURLOPT_HTTPHEADER, headers_.get());
  return true;
}

void Transfer::set_address(const HealthTarget& target, const HealthCheckSpec& spec,
                           const ProbeStep& step) {
  const std::string address = host_and_port(target.host, target.port);
  // The name in the URL is the one that TLS is told and that a certificate has to be for.
  std::string name = target.host;
  if (step.wire == Wire::tls) {
    const std::string own = spec.host.substr(0, spec.host.rfind(':'));
    if (!spec.host.empty() && !spec.host.starts_with('['))
      name = own;
    else if (step.name == ProbeStep::Name::route && !target.server_name.empty())
      name = target.server_name;
  }
  const bool grpc = step.ask == ProbeStep::Ask::grpc;
  url_ = fmt::format("{}://{}:{}{}", step.wire == Wire::tls ? "https" : "http", bracketed(name),
                     target.port, grpc ? "/grpc.health.v1.Health/Check" : escaped(spec.path));
  set(CURLOPT_URL, url_.c_str());
  if (name != target.host) {
    connect_to_.reset(curl_slist_append(nullptr, ("::" + address).c_str()));
    set(CURLOPT_CONNECT_TO, connect_to_.get());
  }
  add_header("Host: " + (spec.host.empty() ? address : spec.host));
}

void Transfer::set_tls(const ClientPolicy& policy) {
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, policy.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, policy.verify ? 2L : 0L);
  if (policy.ca_file.empty()) return;
  set(CURLOPT_CAINFO, policy.ca_file.c_str());
  set(CURLOPT_CAPATH, nullptr);       // or the system's are trusted as well
  set(CURLOPT_CA_CACHE_TIMEOUT, 0L);  // the file may be another one by now
}

void Transfer::set_request(const HealthCheckSpec& spec, const ProbeStep& step) {
  const bool grpc = step.ask == ProbeStep::Ask::grpc;
  long version = CURL_HTTP_VERSION_1_1;
  if (step.wire == Wire::tls) version = CURL_HTTP_VERSION_2TLS;
  if (step.wire == Wire::h2c) version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
  set(CURLOPT_HTTP_VERSION, version);
  if (grpc) {
    body_ = grpc_request(spec.service);
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(body_.size()));
    set(CURLOPT_POSTFIELDS, body_.data());
    add_header("Content-Type: application/grpc");
    add_header("TE: trailers");
    return;
  }
  add_header("Accept: */*");
  if (spec.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (spec.method == "POST") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE, 0L);
    set(CURLOPT_POSTFIELDS, "");
    add_header("Content-Type:");
  }
}

/// A list that there is grows at its end and stays where it is.
void Transfer::add_header(const std::string& line) {
  curl_slist* const list = curl_slist_append(headers_.get(), line.c_str());
  if (!headers_) headers_.reset(list);
}

std::size_t Transfer::on_header(char* data, std::size_t one, std::size_t n, void* self) {
  return static_cast<Transfer*>(self)->take_header({data, one * n}) ? one * n : 0;
}

std::size_t Transfer::on_body(char* data, std::size_t one, std::size_t n, void* self) {
  return static_cast<Transfer*>(self)->take_body({data, one * n}) ? one * n : 0;
}

curl_socket_t Transfer::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) static_cast<Transfer*>(self)->socket_error_ = errno;
  return fd < 0 ? CURL_SOCKET_BAD : fd;
}

bool Transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) return false;
  if (line == "\r\n" || line == "\n") {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    // A status below 100 is none of HTTP, and final.
    if (status >= 200 || status == 101 || status < 100) complete_head_ = true;
  }
  constexpr std::string_view kStatus = "grpc-status:";
  if (line.size() > kStatus.size() && iequals(line.substr(0, kStatus.size()), kStatus)) {
    const std::string_view value = trim_ows(line.substr(kStatus.size()));
    int status = -1;
    std::from_chars(value.data(), value.data() + value.size(), status);
    grpc_status_ = status;
  }
  return true;
}

/// Enough is known by then; the connection ends with it.
bool Transfer::take_body(std::string_view data) {
  body_bytes_ += data.size();
  const std::size_t wanted = kGrpcPrefix + kServing.size();
  if (message_.size() < wanted) message_ += data.substr(0, wanted - message_.size());
  return body_bytes_ <= kMaxBodyBytes;
}

ProbeOutcome Transfer::outcome(CURLcode code) const {
  if (!complete_head_) return failure(code);
  const bool grpc = step_.ask == ProbeStep::Ask::grpc;
  // The end of the body changes nothing, but gRPC's status comes after it.
  if (grpc && code != CURLE_OK && !grpc_status_) return failure(code);
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  ProbeOutcome out{.kind = Kind::answered, .status = static_cast<std::uint32_t>(status)};
  if (!grpc) return out;
  out.grpc_status = grpc_status_;
  out.grpc_serving = message_.size() >= kGrpcPrefix && message_.substr(kGrpcPrefix) == kServing;
  return out;
}

ProbeOutcome Transfer::failure(CURLcode code) const {
  // The time of the connect stays 0 until the handshake is over.
  long local_port = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_LOCAL_PORT, &local_port);
  const bool connected = local_port > 0;
  long err = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &err);
  if (err == 0) err = socket_error_;
  switch (code) {
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT: return {.kind = Kind::ours, .error = curl_easy_strerror(code)};
    case CURLE_COULDNT_RESOLVE_HOST:
      if (out_of_descriptors()) return {.kind = Kind::ours, .error = "no descriptor for a lookup"};
      return {.kind = Kind::unreachable, .error = "its name has no address"};
    case CURLE_COULDNT_CONNECT:
      if (of_ours(err))
        return {.kind = Kind::ours,
                .error = std::generic_category().message(static_cast<int>(err))};
      return {.kind = Kind::unreachable,
              .error = err != 0 ? std::generic_category().message(static_cast<int>(err))
                                : "cannot be connected to"};
    case CURLE_OPERATION_TIMEDOUT:
      return {.kind = connected ? Kind::too_slow : Kind::unreachable,
              .error = fmt::format("no {} within {}", connected ? "answer" : "connection",
                                   in_seconds(timeout_))};
    default: break;
  }
  if (header_bytes_ > kMaxHeaderBytes)
    return {.kind = step_.wire == Wire::tls ? Kind::spoke_tls : Kind::no_answer,
            .error = "its head is too large"};
  if (step_.wire == Wire::tls) return tls_failure(code);
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return {.kind = Kind::no_answer, .error = "its answer is not HTTP"};
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return {.kind = Kind::no_answer, .error = "closed the connection without an answer"};
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return {.kind = Kind::no_answer, .error = "gave no answer by HTTP/2"};
    default: return {.kind = Kind::no_answer, .error = curl_easy_strerror(code)};
  }
}

ProbeOutcome Transfer::tls_failure(CURLcode code) const {
  const std::string_view detail(error_.data());
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
    return {.kind = Kind::unverified,
            .error = fmt::format("certificate refused: {}",
                                 detail.empty() ? curl_easy_strerror(code) : detail)};
  curl_off_t handshake = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_APPCONNECT_TIME_T, &handshake);
  if (handshake > 0)
    return {.kind = Kind::spoke_tls, .error = "closed the connection without an answer"};
  if (detail.find("alert") != std::string_view::npos)
    return {.kind = Kind::spoke_tls, .error = "refused the TLS handshake"};
  return {.kind = Kind::no_answer, .error = "does not speak TLS"};
}

std::optional<SocketAddress> Transfer::peer() const {
  const char* ip = nullptr;
  long port = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_IP, &ip);
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_PORT, &port);
  if (ip == nullptr || *ip == '\0') return std::nullopt;
  return SocketAddress::from_ip(ip, static_cast<std::uint16_t>(port));
}

}  // namespace aralez
