#include "control/discovery/kubernetes/slice_store.h"

#include <fmt/format.h>

#include <utility>

#include "control/json/json_access.h"

namespace aralez::kubernetes {
namespace {

using nlohmann::json;

std::string name_of(const json& object) {
  return text_in(member(object, "metadata"), "name");
}

std::size_t addresses_in(const Slice& slice) {
  return slice.ready.size() + slice.leaving.size();
}

}  // namespace

void SliceStore::erase(Slices::iterator at) {
  changed_.insert(at->second.service);
  addresses_ -= addresses_in(at->second);
  slices_.erase(at);
}

bool SliceStore::put(const json& object) {
  const std::string name = name_of(object);
  auto slice = read_slice(object);
  if (!slice || name.empty() || !services_.contains(slice->service)) {
    remove(object);
    return true;
  }
  if (const auto at = slices_.find(name); at != slices_.end()) {
    if (at->second == *slice) return true;
    erase(at);
  }
  addresses_ += addresses_in(*slice);
  changed_.insert(slice->service);
  slices_.emplace(name, std::move(*slice));
  return addresses_ <= kMaxAddresses && slices_.size() <= kMaxAddresses;
}

void SliceStore::remove(const json& object) {
  if (const auto at = slices_.find(name_of(object)); at != slices_.end()) erase(at);
}

std::vector<ServerConfig> SliceStore::servers(const ServiceKey& service) const {
  std::vector<const Slice*> slices;
  for (const auto& [name, slice] : slices_)
    if (slice.service == service.name) slices.push_back(&slice);
  return servers_of(slices, service.port);
}

std::expected<SlicePage, std::string> read_page(std::string_view text, SliceStore& store) {
  const json document = parse_json(text);
  const json& meta = member(document, "metadata");
  SlicePage page{.continued = text_in(meta, "continue"),
                 .version = text_in(meta, "resourceVersion")};
  const json& items = member(document, "items");
  const bool is_list = items.is_array() || items.is_null();
  if (text_in(document, "kind") != "EndpointSliceList" || !is_list || page.version.empty())
    return std::unexpected("the answer is no list of EndpointSlices");
  for (const json& item : items)
    if (!store.put(item))
      return std::unexpected(fmt::format("more than {} addresses", SliceStore::kMaxAddresses));
  return page;
}

}  // namespace aralez::kubernetes
