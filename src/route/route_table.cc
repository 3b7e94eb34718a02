#include "route/route_table.h"

#include <algorithm>
#include <array>
#include <bit>

namespace aralez {
namespace {

constexpr std::uint64_t length_bit(std::size_t n) {
  return 1ULL << std::min<std::size_t>(n, 63);
}

/// Half full at most.
std::size_t slots_for(std::size_t n) {
  return std::bit_ceil(std::max<std::size_t>(n * 2, 8));
}

}  // namespace

RouteTable::RouteTable(std::vector<Entry> entries, std::uint64_t key)
    : key_(key),
      entries_(std::move(entries)),
      entry_host_(entries_.size()),
      path_slots_(slots_for(entries_.size()), kEmpty),
      host_slots_(slots_for(entries_.size()), kEmpty) {
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    const std::uint32_t host = add_host(entries_[i].host);
    entry_host_[i] = host;
    add_path(host, i);
    longest_key_ = std::max(longest_key_, entries_[i].path.size());
  }
}

std::uint32_t RouteTable::add_host(const std::string& name) {
  if (const auto known = find_host(name); known != kEmpty) return known;
  const auto index = static_cast<std::uint32_t>(hosts_.size());
  hosts_.push_back({name});
  if (name.empty()) default_host_ = index;
  std::size_t slot = KeyedHash::of(key_, name) & (host_slots_.size() - 1);
  while (host_slots_[slot] != kEmpty) slot = (slot + 1) & (host_slots_.size() - 1);
  host_slots_[slot] = index;
  return index;
}

void RouteTable::add_path(std::uint32_t host, std::uint32_t entry) {
  const std::string& path = entries_[entry].path;
  hosts_[host].lengths |= length_bit(path.size());
  auto h = path_hash(host);
  h.add(path);
  std::size_t slot = h.value() & (path_slots_.size() - 1);
  while (path_slots_[slot] != kEmpty) {
    const std::uint32_t other = path_slots_[slot];
    if (entry_host_[other] == host && entries_[other].path == path) break;
    slot = (slot + 1) & (path_slots_.size() - 1);
  }
  path_slots_[slot] = entry;
}

std::uint32_t RouteTable::find_host(std::string_view host) const {
  if (hosts_.empty()) return kEmpty;
  for (std::size_t slot = KeyedHash::of(key_, host) & (host_slots_.size() - 1);
       host_slots_[slot] != kEmpty; slot = (slot + 1) & (host_slots_.size() - 1)) {
    if (hosts_[host_slots_[slot]].name == host) return host_slots_[slot];
  }
  return kEmpty;
}

const RouteTable::Entry* RouteTable::find_path(std::uint32_t host, std::uint64_t hash,
                                               std::string_view path) const {
  for (std::size_t slot = hash & (path_slots_.size() - 1); path_slots_[slot] != kEmpty;
       slot = (slot + 1) & (path_slots_.size() - 1)) {
    const std::uint32_t i = path_slots_[slot];
    if (entry_host_[i] == host && entries_[i].path == path) return &entries_[i];
  }
  return nullptr;
}

const RouteTable::Entry* RouteTable::longest_prefix(std::uint32_t host,
                                                    std::string_view path) const {
  struct Candidate {
    std::uint64_t hash;
    std::size_t size;
  };
  std::array<Candidate, kMaxDepth + 2> found;
  std::size_t n = 0;
  const std::uint64_t lengths = hosts_[host].lengths;
  const auto consider = [&](const KeyedHash& h, std::size_t size) {
    if ((lengths & length_bit(size)) != 0 && n < found.size()) found[n++] = {h.value(), size};
  };

  // One pass forward; every boundary that a key could end at is remembered, the longest is tried
  // first.
  auto h = path_hash(host);
  const std::size_t end = std::min(path.size(), longest_key_ + 1);
  for (std::size_t i = 0; i < end; ++i) {
    if (i > 0 && path[i] == '/') consider(h, i);
    h.add(path[i]);
    if (i == 0 && path.size() > 1) consider(h, 1);  // the root route
  }
  if (path.size() <= longest_key_) consider(h, path.size());
  while (n > 0) {
    const auto& c = found[--n];
    if (const Entry* e = find_path(host, c.hash, path.substr(0, c.size))) return e;
  }
  return nullptr;
}

RouteTable::Match RouteTable::match(std::string_view host, std::string_view path) const {
  std::uint32_t h = host.empty() ? kEmpty : find_host(host);
  bool by_default = false;
  if (h == kEmpty) {
    h = default_host_;
    by_default = true;
  }
  if (h == kEmpty) return {std::nullopt, Miss::host};
  const Entry* e = longest_prefix(h, path);
  if (!e) return {std::nullopt, Miss::path, by_default};
  return {e->route, Miss::path, by_default};
}

}  // namespace aralez
