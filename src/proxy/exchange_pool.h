#pragma once

#include <memory>
#include <vector>

#include "io/loop.h"

namespace aralez {

class Exchange;
struct ProxyContext;

/// Exchanges of one worker, used again and again. One that is finished becomes free at the end of
/// the loop turn.
class ExchangePool {
 public:
  explicit ExchangePool(ProxyContext& context);
  ~ExchangePool();
  ExchangePool(const ExchangePool&) = delete;
  ExchangePool& operator=(const ExchangePool&) = delete;

  [[nodiscard]] Exchange& take();
  void give_back(Exchange& x);
  [[nodiscard]] std::size_t in_use() const noexcept {
    return all_.size() - free_.size() - done_.size();
  }

 private:
  void recycle();

  ProxyContext& context_;
  std::vector<std::unique_ptr<Exchange>> all_;
  std::vector<Exchange*> free_;
  std::vector<Exchange*> done_;
  MemberDeferred<ExchangePool, &ExchangePool::recycle> recycle_{*this};
};

}  // namespace aralez
