#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_context.h"
#include "http/request_summary.h"

namespace aralez {

/// A step of a route. Immutable, shared by all workers through the snapshot; what a request needs
/// to remember goes into the request's arena.
class Filter {
 public:
  virtual ~Filter() = default;
  [[nodiscard]] virtual Verdict on_request_head(RequestContext& request, Reply& reply) const = 0;
  /// Final heads and 101 of an upstream; never 1xx, never answers of our own.
  virtual void on_response_head(RequestContext&, Head&) const {}
  /// Whether on_request_end is to be called; fixed.
  [[nodiscard]] virtual bool wants_end() const { return false; }
  /// The request is over, however it ended: also answered by a filter, also cut off.
  virtual void on_request_end(RequestContext&, const RequestSummary&) const {}
  /// One line for --explain.
  [[nodiscard]] virtual std::string describe() const = 0;
};

/// The filters of a route, in order.
class FilterChain {
 public:
  void add(std::unique_ptr<const Filter> f) {
    if (f->wants_end()) ends_.push_back(f.get());
    filters_.push_back(std::move(f));
  }
  /// Runs the filters from `next` on, which then is the one behind the last that ran.
  [[nodiscard]] Verdict on_request_head(RequestContext& request, Reply& reply,
                                        std::size_t& next) const {
    while (next < filters_.size())
      if (const Verdict v = filters_[next++]->on_request_head(request, reply);
          v != Verdict::proceed)
        return v;
    return Verdict::proceed;
  }
  /// In reverse order.
  void on_response_head(RequestContext& request, Head& response) const {
    for (auto f = filters_.rbegin(); f != filters_.rend(); ++f)
      (*f)->on_response_head(request, response);
  }
  [[nodiscard]] bool wants_end() const noexcept { return !ends_.empty(); }
  void on_request_end(RequestContext& request, const RequestSummary& summary) const {
    for (const Filter* f : ends_) f->on_request_end(request, summary);
  }
  [[nodiscard]] const std::vector<std::unique_ptr<const Filter>>& filters() const {
    return filters_;
  }

 private:
  std::vector<std::unique_ptr<const Filter>> filters_;
  std::vector<const Filter*> ends_;  ///< those that want to hear of the end
};

}  // namespace aralez
