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
  std::size_t slot = path_hash(host, path) & (path_slots_.size() - 1);
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
  // One pass forward; every boundary that a key could end at is remembered, the longest is tried
  // first.
  std::array<std::uint32_t, kMaxDepth + 2> ends;
  std::size_t n = 0;
  const std::uint64_t lengths = hosts_[host].lengths;
  const auto consider = [&](std::size_t size) {
    if ((lengths & length_bit(size)) != 0 && n < ends.size())
      ends[n++] = static_cast<std::uint32_t>(size);
  };
  if (path.size() > 1) consider(1);  // the root route
  const std::size_t scanned = std::min(path.size(), longest_key_ + 1);
  for (std::size_t i = 1; i < scanned; ++i)
    if (path[i] == '/') consider(i);
  if (path.size() <= longest_key_) consider(path.size());
  while (n > 0) {
    const auto key = path.substr(0, ends[--n]);
    if (const Entry* e = find_path(host, path_hash(host, key), key)) return e;
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
