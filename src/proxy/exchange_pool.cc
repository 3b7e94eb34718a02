#include "proxy/exchange_pool.h"

#include "proxy/context.h"
#include "proxy/exchange.h"

namespace aralez {

ExchangePool::ExchangePool(ProxyContext& context) : context_(context) {}
ExchangePool::~ExchangePool() = default;

Exchange& ExchangePool::take() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Exchange>(context_));
    free_.push_back(all_.back().get());
  }
  Exchange* x = free_.back();
  free_.pop_back();
  if (!free_.empty()) free_.back()->fetch();
  return *x;
}

void ExchangePool::give_back(Exchange& x) {
  done_.push_back(&x);
  context_.reactor.defer_to_turn_end(recycle_);
}

void ExchangePool::recycle() {
  free_.insert(free_.end(), done_.begin(), done_.end());
  done_.clear();
}

}  // namespace aralez
