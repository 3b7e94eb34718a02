#include "io/dns/lookup.h"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>

namespace aralez {
namespace {

/// One server that is down costs a second; all servers together are asked this often.
constexpr int kTimeoutMs = 1'000;
constexpr int kTries = 3;
/// /etc/hosts states no time to live.
constexpr Millis kHostsTtl{10'000};
/// A TCP answer may have thousands.
constexpr std::size_t kMaxAddresses = 64;
constexpr int kRoundsPerTurn = 16;

/// Once per process; not safe beside itself.
bool library_ready() {
  static const bool ready = ::ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
  return ready;
}

/// c-ares names its errors with static text.
std::unexpected<Error> failed(int status) {
  return fail(Errc::unresolved, Origin::upstream, ::ares_strerror(status));
}

Result<NameAnswer> read_answer(const ares_addrinfo& found) {
  NameAnswer answer;
  int ttl = -1;
  const auto shortest = [&ttl](int t) { ttl = ttl < 0 ? t : std::min(ttl, t); };
  for (const auto* c = found.cnames; c; c = c->next) shortest(c->ttl);
  for (const auto* n = found.nodes; n; n = n->ai_next) {
    if (n->ai_family != AF_INET && n->ai_family != AF_INET6) continue;
    shortest(n->ai_ttl);
    const auto a = SocketAddress::from_raw(n->ai_addr, n->ai_addrlen);
    if (std::ranges::find(answer.addresses, a) != answer.addresses.end()) continue;
    if (answer.addresses.size() < kMaxAddresses) answer.addresses.push_back(a);
  }
  if (answer.addresses.empty()) return failed(ARES_ENODATA);
  answer.ttl = std::chrono::seconds(std::max(ttl, 0));
  return answer;
}

}  // namespace

struct Lookup::Callbacks {
  static void on_socket(void* self, int fd, int readable, int writable);
  static void on_answer(void* self, int status, int timeouts, ares_addrinfo* found);
};

void Lookup::ChannelFree::operator()(ares_channeldata* c) const noexcept {
  ::ares_destroy(c);
}

Lookup::Lookup(Reactor& reactor, LookupEvents& events) : reactor_(reactor), events_(events) {}

Lookup::~Lookup() {
  cancel();
}

int Lookup::open_channel(const std::string& servers) {
  if (!library_ready()) return ARES_ENOTINITIALIZED;
  ares_options options{};
  options.timeout = kTimeoutMs;
  options.tries = kTries;
  options.sock_state_cb = &Callbacks::on_socket;
  options.sock_state_cb_data = this;
  ares_channeldata* made = nullptr;
  const int status = ::ares_init_options(
      &made, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) return status;
  channel_.reset(made);
  return servers.empty() ? ARES_SUCCESS
                         : ::ares_set_servers_ports_csv(channel_.get(), servers.c_str());
}

void Lookup::start(const std::string& name, const std::string& servers) {
  state_ = State::asking;
  if (const int status = open_channel(servers); status != ARES_SUCCESS)
    return conclude(failed(status));
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;
  ::ares_getaddrinfo(channel_.get(), name.c_str(), nullptr, &hints, &Callbacks::on_answer, this);
  if (state_ == State::asking) return arm();
  // Answered without a socket: by a file.
  if (result_) result_->ttl = kHostsTtl;
}

void Lookup::cancel() noexcept {
  state_ = State::over;
  timer_.cancel();
  pump_.cancel();
  report_.cancel();
  channel_.reset();
  sockets_.clear();
}

/// When a socket is opened, waits for something else, or is about to be closed.
void Lookup::Callbacks::on_socket(void* self, int fd, int readable, int writable) {
  auto& me = *static_cast<Lookup*>(self);
  const auto known = std::ranges::find(me.sockets_, fd, &pollfd::fd);
  if (!readable && !writable) {
    if (known != me.sockets_.end()) me.sockets_.erase(known);
    me.reactor_.unwatch(fd);
    return;
  }
  const auto events = static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
  if (known != me.sockets_.end()) {
    known->events = events;
    return;
  }
  // Without a watch the time-outs of c-ares end it.
  if (me.reactor_.watch(fd, me, Watch::stream)) me.sockets_.push_back({fd, events, 0});
}

/// c-ares reads once per call where the reactor reports once per edge, so the sockets are asked
/// until they have nothing left.
void Lookup::pump() {
  for (int round = 0; round < kRoundsPerTurn; ++round) {
    if (state_ != State::asking) return;
    auto sockets = sockets_;  // c-ares opens and closes some while it works
    if (::poll(sockets.data(), sockets.size(), 0) <= 0) return arm();
    for (const pollfd& s : sockets) {
      const bool read = (s.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
      const bool write = (s.revents & (POLLOUT | POLLERR | POLLHUP)) != 0;
      if (read || write)
        ::ares_process_fd(channel_.get(), read ? s.fd : ARES_SOCKET_BAD,
                          write ? s.fd : ARES_SOCKET_BAD);
    }
  }
  reactor_.defer_to_turn_end(pump_);
}

void Lookup::on_timer(TimePoint) {
  if (state_ != State::asking) return;
  ::ares_process_fd(channel_.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  pump();
}

void Lookup::arm() {
  timeval wait{};
  if (!::ares_timeout(channel_.get(), nullptr, &wait)) return timer_.cancel();
  const auto exact = std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
  timer_.arm(reactor_.timers(), reactor_.now() + std::chrono::ceil<Millis>(exact));
}

void Lookup::Callbacks::on_answer(void* self, int status, int, ares_addrinfo* found) {
  struct Free {
    void operator()(ares_addrinfo* a) const noexcept { ::ares_freeaddrinfo(a); }
  };
  const std::unique_ptr<ares_addrinfo, Free> owned(found);
  auto& me = *static_cast<Lookup*>(self);
  if (me.state_ != State::asking) return;  // cancelled
  me.conclude(status == ARES_SUCCESS && found ? read_answer(*found) : failed(status));
}

/// The channel cannot be destroyed in its own callback, and nothing is told inside start().
void Lookup::conclude(Result<NameAnswer> result) {
  state_ = State::answered;
  result_ = std::move(result);
  timer_.cancel();
  reactor_.defer(report_);
}

void Lookup::report() {
  cancel();
  events_.on_lookup_done(std::move(result_));
}

}  // namespace aralez
