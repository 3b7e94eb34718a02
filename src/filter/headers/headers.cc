#include "filter/headers/headers.h"

#include <algorithm>

#include "base/ascii.h"

namespace aralez {
namespace {

std::vector<Field> fields_of(const std::vector<HeaderRule>& rules) {
  std::vector<Field> out;
  out.reserve(rules.size());
  for (const auto& r : rules) out.push_back({r.name, r.value, field_id(r.name)});
  return out;
}

void put_last_wins(std::vector<HeaderRule>& out, const HeaderRule& rule) {
  const auto same = [&](const HeaderRule& r) { return iequals(r.name, rule.name); };
  if (const auto at = std::find_if(out.begin(), out.end(), same); at != out.end())
    *at = rule;
  else
    out.push_back(rule);
}

std::string names(const std::vector<HeaderRule>& rules) {
  std::string out;
  for (const auto& r : rules) out += (out.empty() ? "" : ", ") + r.name;
  return out.empty() ? "none" : out;
}

}  // namespace

std::vector<HeaderRule> merge_server_headers(const std::vector<HeaderRule>& route,
                                             const std::vector<HeaderRule>& global) {
  std::vector<HeaderRule> out;
  for (const auto& r : global) put_last_wins(out, r);
  for (const auto& r : route) put_last_wins(out, r);
  return out;
}

std::vector<HeaderRule> merge_client_headers(const std::vector<HeaderRule>& route,
                                             const std::vector<HeaderRule>& global) {
  std::vector<HeaderRule> out = route;
  out.insert(out.end(), global.begin(), global.end());
  return out;
}

HeadersFilter::HeadersFilter(std::vector<HeaderRule> server, std::vector<HeaderRule> client)
    : server_(std::move(server)),
      client_(std::move(client)),
      set_(fields_of(server_)),
      add_(fields_of(client_)) {}

Verdict HeadersFilter::on_request_head(RequestContext& request, Reply&) const {
  for (const Field& f : set_) request.request.fields.set(request.arena, f);
  return Verdict::proceed;
}

void HeadersFilter::on_response_head(RequestContext& request, Head& response) const {
  for (const Field& f : add_) response.fields.add(request.arena, f);
}

std::string HeadersFilter::describe() const {
  return "headers: to the server " + names(server_) + "; to the client " + names(client_);
}

}  // namespace aralez
