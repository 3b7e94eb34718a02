#include "io/dns/resolver.h"

#include <cassert>

namespace aralez {

/// A name that somebody watches. Retired, because its watchers may all leave while they are told.
class NameWatch::Name final : public Retired, private LookupEvents {
 public:
  Name(Resolver& resolver, std::string text)
      : resolver_(resolver), text_(std::move(text)), record_(resolver.options_.rules) {}

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  void enter(NameWatch& w) noexcept {
    ++watches_;
    list_.push_back(w);
  }
  void leave(NameWatch& w) {
    w.unlink();
    if (--watches_ > 0) return;
    refresh_.cancel();
    end_lookup();
    resolver_.drop(*this);
  }
  [[nodiscard]] Result<std::span<const SocketAddress>> look();

 private:
  void on_lookup_done(Result<NameAnswer> result) override;
  void ask();
  void end_lookup();
  void on_refresh(TimePoint) { ask(); }
  void tell_all(NameChange change);

  Resolver& resolver_;
  const std::string text_;
  NameRecord record_;
  IntrusiveList<NameWatch> list_;
  std::size_t watches_ = 0;  ///< of which some may be out of list_ while tell_all() runs
  std::unique_ptr<Lookup> lookup_;
  MemberTimer<Name, &Name::on_refresh> refresh_{*this};
};

Result<std::span<const SocketAddress>> NameWatch::Name::look() {
  if (!record_.addresses().empty()) return record_.addresses();
  const bool known_bad =
      record_.state() == NameRecord::State::failed && resolver_.reactor_.now() < record_.due();
  if (known_bad && !lookup_) return std::unexpected(record_.error());
  ask();
  return std::span<const SocketAddress>();
}

void NameWatch::Name::ask() {
  if (lookup_) return;
  LookupEvents& events = *this;
  lookup_ = std::make_unique<Lookup>(resolver_.reactor_, events);
  lookup_->start(text_, resolver_.options_.servers);
}

void NameWatch::Name::end_lookup() {
  if (!lookup_) return;
  lookup_->cancel();
  resolver_.reactor_.retire(std::move(lookup_));
}

void NameWatch::Name::on_lookup_done(Result<NameAnswer> result) {
  end_lookup();
  const TimePoint now = resolver_.reactor_.now();
  const bool found = result.has_value();
  const NameChange change =
      found ? record_.answered(std::move(*result), now) : record_.failed(result.error(), now);
  // A name that never had addresses is asked for when somebody wants them.
  if (record_.state() != NameRecord::State::failed)
    refresh_.arm(resolver_.reactor_.timers(), record_.due());
  resolver_.observer_.on_lookup({.name = text_,
                                 .change = change,
                                 .addresses = record_.addresses(),
                                 .error = found ? nullptr : &record_.error()});
  tell_all(change);
}

void NameWatch::Name::tell_all(NameChange change) {
  const bool unresolved = record_.state() == NameRecord::State::failed;
  if (!unresolved && (change == NameChange::none || change == NameChange::kept)) return;
  IntrusiveList<NameWatch> round;
  list_.splice_to(round);
  while (!round.empty()) {
    NameWatch& w = round.pop_front();
    list_.push_back(w);
    if (unresolved)
      w.events_.on_unresolved(record_.error());
    else
      w.events_.on_addresses(record_.addresses());
  }
}

NameWatch::NameWatch(Resolver& resolver, const std::string& name, NameEvents& events)
    : name_(resolver.name(name)), events_(events) {
  name_.enter(*this);
}

NameWatch::~NameWatch() {
  name_.leave(*this);
}

Result<std::span<const SocketAddress>> NameWatch::look() {
  return name_.look();
}

Resolver::Resolver(Reactor& reactor, ResolverObserver& observer, ResolverOptions options)
    : reactor_(reactor), observer_(observer), options_(std::move(options)) {}

Resolver::~Resolver() {
  assert(names_.empty());
}

NameWatch::Name& Resolver::name(const std::string& name) {
  auto& known = names_[name];
  if (!known) known = std::make_unique<NameWatch::Name>(*this, name);
  return *known;
}

void Resolver::drop(NameWatch::Name& name) {
  const auto it = names_.find(name.text());
  assert(it != names_.end() && it->second.get() == &name);
  reactor_.retire(std::move(it->second));
  names_.erase(it);
}

}  // namespace aralez
