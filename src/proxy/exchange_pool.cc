#include "proxy/exchange_pool.h"

#include "base/prefetch.h"
#include "proxy/context.h"
#include "proxy/exchange.h"

namespace aralez {

namespace {

/// The members of an exchange and the part of its arena that a small request fills.
constexpr std::size_t kFetched = 1152;

}  // namespace

ExchangePool::ExchangePool(ProxyContext& context) : context_(context) {}
ExchangePool::~ExchangePool() = default;

Exchange& ExchangePool::take() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Exchange>(context_));
    free_.push_back(all_.back().get());
  }
  Exchange* x = free_.back();
  free_.pop_back();
  if (!free_.empty()) prefetch(free_.back(), kFetched);
  return *x;
}

void ExchangePool::give_back(Exchange& x) {
  done_.push_back(&x);
  context_.reactor.defer_to_turn_end(recycle_);
}

void ExchangePool::recycle() {
  for (std::size_t i = 0; i < done_.size(); ++i) {
    if (i + 2 < done_.size()) prefetch(done_[i + 2], kFetched);
    done_[i]->clear();
    free_.push_back(done_[i]);
  }
  done_.clear();
}

}  // namespace aralez
