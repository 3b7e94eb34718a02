#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "io/dns/lookup.h"

namespace aralez {

class Resolver;

/// Told of what happens to a name. Calls come from the loop, never from inside a call to NameWatch.
class NameEvents {
 public:
  /// Addresses have become known, or others than before.
  virtual void on_addresses(std::span<const SocketAddress> addresses) = 0;
  /// A lookup has failed and no addresses are known.
  virtual void on_unresolved(Error why) = 0;

 protected:
  ~NameEvents() = default;
};

/// What an observer may want to say of a lookup. The views end with the call.
struct NameReport {
  std::string_view name;
  NameChange change;
  std::span<const SocketAddress> addresses;
  const Error* error;  ///< null when the lookup has found something
};

class ResolverObserver {
 public:
  /// After every lookup.
  virtual void on_lookup(const NameReport& report) = 0;

 protected:
  ~ResolverObserver() = default;
};

/// Interest in a name; ends when destroyed, and a lookup that nobody waits for ends with it. From
/// the first look() on the addresses are kept fresh: a new lookup starts when their time is over.
class NameWatch final : private ListNode {
 public:
  NameWatch(Resolver& resolver, const std::string& name, NameEvents& events);
  ~NameWatch();

  /// The addresses, with port 0 and valid until the loop runs on; or an error while a failed lookup
  /// is fresh; or none, which means that a lookup is under way and an event will follow.
  [[nodiscard]] Result<std::span<const SocketAddress>> look();

 private:
  friend class Resolver;
  friend class IntrusiveList<NameWatch>;
  class Name;

  Name& name_;
  NameEvents& events_;
};

struct ResolverOptions {
  NameRules rules;
  std::string servers;  ///< "ip:port,…"; empty: those of the system
};

/// The names of one worker and what is known about them. Nothing is looked up, read or allocated
/// before the first name. Outlives its watches.
class Resolver {
 public:
  Resolver(Reactor& reactor, ResolverObserver& observer, ResolverOptions options = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  [[nodiscard]] std::size_t names() const noexcept { return names_.size(); }

 private:
  friend class NameWatch;
  NameWatch::Name& name(const std::string& name);
  void drop(NameWatch::Name& name);

  Reactor& reactor_;
  ResolverObserver& observer_;
  const ResolverOptions options_;
  std::unordered_map<std::string, std::unique_ptr<NameWatch::Name>> names_;
};

}  // namespace aralez
