#pragma once

#include <poll.h>

#include <memory>
#include <string>
#include <vector>

#include "io/dns/name_record.h"
#include "io/reactor.h"

struct ares_channeldata;

namespace aralez {

class LookupEvents {
 public:
  virtual void on_lookup_done(Result<NameAnswer> result) = 0;

 protected:
  ~LookupEvents() = default;
};

/// One question about one name, IPv4 and IPv6, asked as /etc/nsswitch.conf and /etc/resolv.conf
/// say: /etc/hosts first. The only user of c-ares. A channel per lookup: files that have changed
/// are seen, and each lookup has ports and ids of its own (docs/adr/0010).
///
/// Reports once, from the loop, unless cancelled before. The loop may still know its descriptors
/// after that, so that it is retired, not destroyed.
class Lookup final : public Retired, private IoHandler {
 public:
  Lookup(Reactor& reactor, LookupEvents& events);
  ~Lookup() override;

  /// `servers` ("ip:port,…") replace those of /etc/resolv.conf unless empty.
  void start(const std::string& name, const std::string& servers);
  /// Nothing is reported any more; sockets are closed.
  void cancel() noexcept;

 private:
  enum class State : std::uint8_t { idle, asking, answered, over };
  struct ChannelFree {
    void operator()(ares_channeldata* c) const noexcept;
  };

  struct Callbacks;  ///< what c-ares calls

  void on_io(std::uint32_t) override { pump(); }
  void on_timer(TimePoint now);
  [[nodiscard]] int open_channel(const std::string& servers);
  void pump();
  void arm();
  void conclude(Result<NameAnswer> result);
  void report();

  Reactor& reactor_;
  LookupEvents& events_;
  State state_ = State::idle;
  std::unique_ptr<ares_channeldata, ChannelFree> channel_;
  std::vector<pollfd> sockets_;  ///< what c-ares has open, and what it waits for
  Result<NameAnswer> result_;
  MemberTimer<Lookup, &Lookup::on_timer> timer_{*this};
  MemberDeferred<Lookup, &Lookup::pump> pump_{*this};
  MemberDeferred<Lookup, &Lookup::report> report_{*this};
};

}  // namespace aralez
