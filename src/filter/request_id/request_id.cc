#include "filter/request_id/request_id.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "http/worker_context.h"

namespace aralez {
namespace {

constexpr std::size_t kMaxKept = 128;
constexpr std::size_t kDigits = 16;

/// splitmix64: different for different inputs.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

void write_hex(char* out, std::uint64_t value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (std::size_t i = kDigits; i-- > 0; value >>= 4) out[i] = kHex[value & 15];
}

bool acceptable(std::string_view id) {
  return !id.empty() && id.size() <= kMaxKept &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_ours(const Field& f) {
  return iequals(f.name, RequestIdFilter::kField);
}

}  // namespace

/// The worker has counted this request already, so that its count names it.
std::string_view RequestIdFilter::make(RequestContext& request) const {
  const std::uint64_t number = request.worker->counters.read(Counter::requests_started);
  const std::uint64_t worker = static_cast<std::uint64_t>(request.worker->index) << 48;
  std::array<char, 2 * kDigits> text;
  write_hex(text.data(), mixed(seed_.high ^ worker ^ number));
  write_hex(text.data() + kDigits, mixed(seed_.low ^ worker ^ number));
  return request.arena.copy({text.data(), text.size()});
}

Verdict RequestIdFilter::on_request_head(RequestContext& request, Reply&) const {
  if (!request.worker) return Verdict::proceed;
  Fields& fields = request.request.fields;
  std::string_view id;
  if (request.client.trusted) {
    const auto* const given = std::find_if(fields.begin(), fields.end(), is_ours);
    if (given != fields.end() && acceptable(given->value)) id = given->value;
  }
  fields.remove_if(is_ours);
  fields.add(request.arena, {kField, id.empty() ? make(request) : id});
  return Verdict::proceed;
}

}  // namespace aralez
