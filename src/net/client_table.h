#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <unordered_map>

#include "base/block.h"
#include "base/hash.h"
#include "io/socket_address.h"

namespace aralez {

/// Connections per client address, over all workers. IPv6 clients count per /64. Touched once per
/// accept and once per close, never per request, so a sharded lock is cheap enough.
class ClientTable {
 public:
  explicit ClientTable(std::uint64_t hash_key) : hash_key_(hash_key) {}

  /// Counts one more; false (and not counted) when that would exceed `limit`. 0 is no limit.
  [[nodiscard]] bool enter(const SocketAddress& client, std::uint32_t limit) {
    const Key key = key_of(client);
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    auto& n = shard.counts.try_emplace(key, 0U).first->second;
    if (limit != 0 && n >= limit) return false;
    ++n;
    return true;
  }
  void leave(const SocketAddress& client) {
    const Key key = key_of(client);
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto it = shard.counts.find(key);
    if (it != shard.counts.end() && --it->second == 0) shard.counts.erase(it);
  }

 private:
  struct Key {
    IpBytes bytes;
    std::uint64_t hash;
    friend bool operator==(const Key& a, const Key& b) { return a.bytes == b.bytes; }
  };
  struct Hash {
    std::size_t operator()(const Key& k) const noexcept { return k.hash; }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Key, std::uint32_t, Hash> counts;
  };

  [[nodiscard]] Key key_of(const SocketAddress& client) const {
    Key key{client_network(client.ip_bytes()), 0};
    key.hash = KeyedHash::of(hash_key_, as_text(std::as_bytes(std::span(key.bytes))));
    return key;
  }
  Shard& shard_of(const Key& key) { return shards_[(key.hash >> 32) % shards_.size()]; }

  std::uint64_t hash_key_;
  std::array<Shard, 16> shards_;
};

}  // namespace aralez
