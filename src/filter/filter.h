#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_context.h"

namespace aralez {

enum class Verdict : std::uint8_t {
  proceed,
  replied,  ///< `reply` holds the answer; nothing behind this filter sees the request
};

/// A step of a route. Immutable, shared by all workers through the snapshot; what a request needs
/// to remember goes into the request's arena.
class Filter {
 public:
  virtual ~Filter() = default;
  virtual Verdict on_request_head(RequestContext& request, Reply& reply) const = 0;
  /// Final heads and 101 of an upstream; never 1xx, never answers of our own.
  virtual void on_response_head(RequestContext&, Head&) const {}
  /// One line for --explain.
  [[nodiscard]] virtual std::string describe() const = 0;
};

/// The filters of a route, in order.
class FilterChain {
 public:
  void add(std::unique_ptr<const Filter> f) { filters_.push_back(std::move(f)); }
  Verdict on_request_head(RequestContext& request, Reply& reply) const {
    for (const auto& f : filters_)
      if (f->on_request_head(request, reply) == Verdict::replied) return Verdict::replied;
    return Verdict::proceed;
  }
  /// In reverse order.
  void on_response_head(RequestContext& request, Head& response) const {
    for (auto f = filters_.rbegin(); f != filters_.rend(); ++f)
      (*f)->on_response_head(request, response);
  }
  [[nodiscard]] const std::vector<std::unique_ptr<const Filter>>& filters() const {
    return filters_;
  }

 private:
  std::vector<std::unique_ptr<const Filter>> filters_;
};

}  // namespace aralez
