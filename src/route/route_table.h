#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/id.h"

namespace aralez {

using RouteId = Id<struct RouteTag>;

/// Where a request goes: host by hash, path by longest segment prefix (behaviour section 3), in
/// time that does not depend on how many routes there are. Immutable after build; shared by all
/// workers.
class RouteTable {
 public:
  struct Entry {
    std::string host;  ///< as Authority::host gives it, or empty for the DEFAULT host
    std::string path;  ///< as TargetPath::match gives it; starts with a slash
    RouteId route;
  };
  /// Deepest key a table takes; deeper ones are a configuration error before this is called.
  static constexpr std::size_t kMaxDepth = 64;

  RouteTable() = default;
  /// A later entry replaces an earlier one with the same host and path. `key` seeds the hash.
  RouteTable(std::vector<Entry> entries, std::uint64_t key);

  enum class Miss : std::uint8_t { host, path };
  struct Match {
    std::optional<RouteId> route;
    Miss miss = Miss::host;   ///< when there is no route
    bool by_default = false;  ///< the DEFAULT host stood in
  };
  /// `/a/b` finds `/a/b`, else `/a`, else `/`; never `/a/bc` for `/a/b`. A host without a matching
  /// path does not fall through to DEFAULT.
  [[nodiscard]] Match match(std::string_view host, std::string_view path) const;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Host {
    std::string name;
    std::uint64_t lengths = 0;  ///< bit min(size, 63) is set for each path key
  };
  static constexpr std::uint32_t kEmpty = 0xffffffff;

  [[nodiscard]] std::uint32_t find_host(std::string_view host) const;
  [[nodiscard]] const Entry* find_path(std::uint32_t host, std::uint64_t hash,
                                       std::string_view path) const;
  [[nodiscard]] const Entry* longest_prefix(std::uint32_t host, std::string_view path) const;
  [[nodiscard]] std::uint64_t path_hash(std::uint32_t host, std::string_view path) const {
    return KeyedHash::of(key_ + (host + 1ULL) * 0x9e3779b97f4a7c15ULL, path);
  }
  std::uint32_t add_host(const std::string& name);
  void add_path(std::uint32_t host, std::uint32_t entry);

  std::uint64_t key_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> entry_host_;  ///< host index of each entry
  std::vector<std::uint32_t> path_slots_;  ///< open addressing: entry index
  std::vector<Host> hosts_;
  std::vector<std::uint32_t> host_slots_;  ///< open addressing: host index
  std::uint32_t default_host_ = kEmpty;
  std::size_t longest_key_ = 0;
};

}  // namespace aralez
