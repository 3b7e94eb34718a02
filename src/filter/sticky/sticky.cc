#include "filter/sticky/sticky.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "http/cookies.h"

namespace aralez {
namespace {

constexpr std::uint32_t kEmpty = EndpointChoice::kNone;

}  // namespace

StickyFilter::StickyFilter(std::vector<std::shared_ptr<const StickyEndpoint>> endpoints,
                           std::chrono::seconds max_age)
    : endpoints_(std::move(endpoints)),
      slots_(std::bit_ceil(2 * endpoints_.size()), kEmpty),
      max_age_(max_age) {
  for (std::uint32_t i = 0; i < endpoints_.size(); ++i) {
    if (find(endpoints_[i]->id())) continue;  // the same endpoint twice
    std::size_t at = slot_of(endpoints_[i]->id());
    while (slots_[at] != kEmpty) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = i;
  }
}

/// Pre: `id` has kIdSize characters. Those of ours are evenly spread as they are.
std::size_t StickyFilter::slot_of(std::string_view id) const noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, id.data(), sizeof word);
  return ((word * 0x9e3779b97f4a7c15ULL) >> 32) & (slots_.size() - 1);
}

std::optional<std::uint32_t> StickyFilter::find(std::string_view id) const noexcept {
  if (id.size() != StickyEndpoint::kIdSize) return std::nullopt;
  for (std::size_t at = slot_of(id); slots_[at] != kEmpty; at = (at + 1) & (slots_.size() - 1))
    if (endpoints_[slots_[at]]->id() == id) return slots_[at];
  return std::nullopt;
}

Verdict StickyFilter::on_request_head(RequestContext& request, Reply&) const {
  if (!request.endpoint) return Verdict::proceed;
  find_cookie(request.request.fields, StickyEndpoint::kName, [&](std::string_view id) {
    const auto known = find(id);
    if (known) request.endpoint->wanted = *known;
    return known.has_value();
  });
  return Verdict::proceed;
}

void StickyFilter::on_response_head(RequestContext& request, Head& response) const {
  if (!request.endpoint) return;
  const auto [wanted, used] = *request.endpoint;
  if (used >= endpoints_.size()) return;
  // An endpoint may stand in the list twice.
  if (wanted < endpoints_.size() && endpoints_[wanted]->id() == endpoints_[used]->id()) return;
  response.fields.add(
      request.arena,
      {"Set-Cookie", endpoints_[used]->set_cookie(request.client.tls), FieldId::set_cookie});
}

std::string StickyFilter::describe() const {
  return fmt::format("sticky: cookie {} for {} s, one of {} servers", StickyEndpoint::kName,
                     max_age_.count(), endpoints_.size());
}

}  // namespace aralez
