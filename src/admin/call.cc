#include "admin/call.h"

#include <array>
#include <utility>

namespace aralez {
namespace {

enum class Methods : std::uint8_t { post, get, any };

struct Entry {
  std::string_view path;
  Call call;
  Methods methods;
};

constexpr auto kWhole = std::to_array<Entry>({
    {"/", Call::page, Methods::get},
    {"/conf", Call::conf, Methods::post},
    {"/jwt", Call::jwt, Methods::post},
    {"/metrics", Call::metrics, Methods::get},
    {"/status", Call::status, Methods::get},
    {"/staus", Call::status, Methods::get},  // as the manual of the original spells it
    {"/acme_create", Call::acme_create, Methods::any},
});
/// Something has to follow.
constexpr auto kPrefixes = std::to_array<Entry>({
    {"/acme_order/", Call::acme_order, Methods::any},
    {"/.well-known/acme-challenge/", Call::acme_challenge, Methods::any},
});

std::string_view allowed(Methods methods, Method method) noexcept {
  switch (methods) {
    case Methods::post: return method == Method::post ? "" : "POST";
    case Methods::get: return method == Method::get || method == Method::head ? "" : "GET,HEAD";
    case Methods::any: break;
  }
  return {};
}

}  // namespace

MatchedCall match_call(Method method, std::string_view target) noexcept {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const Entry& e : kWhole)
    if (e.path == path) return {.call = e.call, .allow = allowed(e.methods, method)};
  for (const Entry& e : kPrefixes)
    if (path.size() > e.path.size() && path.starts_with(e.path))
      return {.call = e.call, .rest = path.substr(e.path.size())};
  return {};
}

}  // namespace aralez
