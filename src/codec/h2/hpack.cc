#include "codec/h2/hpack.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace aralez::h2 {
namespace {

HpackMemory& memory_of(void* user) noexcept {
  return *static_cast<HpackMemory*>(user);
}
void* hook_malloc(std::size_t n, void* user) {
  return memory_of(user).allocate(n);
}
void hook_free(void* p, void* user) {
  memory_of(user).release(p);
}
void* hook_calloc(std::size_t n, std::size_t size, void* user) {
  void* const p = memory_of(user).allocate(n * size);
  if (p) std::memset(p, 0, n * size);
  return p;
}
void* hook_realloc(void* p, std::size_t n, void* user) {
  return memory_of(user).reallocate(p, n);
}

std::uint8_t* bytes_of(std::string_view s) noexcept {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(s.data()));
}
std::string_view text_of(const std::uint8_t* p, std::size_t n) noexcept {
  return {reinterpret_cast<const char*>(p), n};
}

/// Values that would show in how well later ones compress, or push others out of the table.
bool keep_out_of_tables(std::string_view name) noexcept {
  return name == "authorization" || name == "set-cookie" || name == "x-api-key";
}

}  // namespace

struct HpackMemory::Hooks {
  nghttp2_mem mem;
};

HpackMemory::HpackMemory() : hooks_(std::make_unique<Hooks>()) {
  hooks_->mem = {this, hook_malloc, hook_free, hook_calloc, hook_realloc};
}

HpackMemory::~HpackMemory() {
  for (Header* h : free_) {
    while (h) std::free(std::exchange(h, h->next));
  }
}

void* HpackMemory::allocate(std::size_t n) noexcept {
  const std::size_t size = (n + kStep - 1) / kStep;  // in steps
  if (size < kClasses && free_[size]) {
    Header* const h = free_[size];
    free_[size] = h->next;
    --kept_[size];
    return h + 1;
  }
  ++allocations_;
  auto* const h = static_cast<Header*>(std::malloc(sizeof(Header) + size * kStep));
  if (!h) return nullptr;
  h->size = size;
  return h + 1;
}

void HpackMemory::release(void* p) noexcept {
  if (!p) return;
  Header* const h = static_cast<Header*>(p) - 1;
  if (h->size >= kClasses || kept_[h->size] == kKeep) return std::free(h);
  h->next = free_[h->size];
  free_[h->size] = h;
  ++kept_[h->size];
}

void* HpackMemory::reallocate(void* p, std::size_t n) noexcept {
  if (!p) return allocate(n);
  const std::size_t have = (static_cast<Header*>(p) - 1)->size * kStep;
  if (n <= have) return p;
  void* const next = allocate(n);
  if (!next) return nullptr;
  std::memcpy(next, p, have);
  release(p);
  return next;
}

void HpackDecoder::Free::operator()(nghttp2_hd_inflater* i) const noexcept {
  nghttp2_hd_inflate_del(i);
}

HpackDecoder::HpackDecoder(HpackMemory& memory) {
  nghttp2_hd_inflater* raw = nullptr;
  if (nghttp2_hd_inflate_new2(&raw, &memory.hooks().mem) != 0) throw std::bad_alloc();
  inflater_.reset(raw);
}

bool HpackDecoder::decode(std::string_view block, FieldSink& sink) {
  const std::uint8_t* in = bytes_of(block);
  std::size_t left = block.size();
  while (true) {
    nghttp2_nv nv{};
    int flags = 0;
    const auto n = nghttp2_hd_inflate_hd2(inflater_.get(), &nv, &flags, in, left, 1);
    if (n < 0) return false;
    in += n;
    left -= static_cast<std::size_t>(n);
    if (flags & NGHTTP2_HD_INFLATE_EMIT)
      sink.on_field(text_of(nv.name, nv.namelen), text_of(nv.value, nv.valuelen));
    if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
    if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && left == 0) return false;  // ends within a line
  }
  return nghttp2_hd_inflate_end_headers(inflater_.get()) == 0;
}

void HpackEncoder::Free::operator()(nghttp2_hd_deflater* d) const noexcept {
  nghttp2_hd_deflate_del(d);
}

HpackEncoder::HpackEncoder(HpackMemory& memory) {
  nghttp2_hd_deflater* raw = nullptr;
  if (nghttp2_hd_deflate_new2(&raw, kTable, &memory.hooks().mem) != 0) throw std::bad_alloc();
  deflater_.reset(raw);
}

std::size_t HpackEncoder::put(std::string_view name, std::string_view value,
                              std::span<std::byte> room) {
  const auto flags = static_cast<std::uint8_t>(keep_out_of_tables(name) ? NGHTTP2_NV_FLAG_NO_INDEX
                                                                        : NGHTTP2_NV_FLAG_NONE);
  const nghttp2_nv nv{bytes_of(name), bytes_of(value), name.size(), value.size(), flags};
  const auto n = nghttp2_hd_deflate_hd(
      deflater_.get(), reinterpret_cast<std::uint8_t*>(room.data()), room.size(), &nv, 1);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

void HpackEncoder::limit_table(std::size_t size) {
  static_cast<void>(nghttp2_hd_deflate_change_table_size(deflater_.get(), std::min(size, kTable)));
}

}  // namespace aralez::h2
