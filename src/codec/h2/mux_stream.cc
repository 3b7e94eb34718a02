#include "codec/h2/mux_stream.h"

#include <cstring>

#include "codec/h2/session.h"

namespace aralez::h2 {

void SavedFields::save(BlockPool& pool, const Fields& fields) {
  std::size_t texts = 0;
  for (const Field& f : fields) texts += f.name.size() + f.value.size();
  block_ = pool.take_sized(fields.size() * sizeof(Field) + alignof(Field) + texts);
  auto room = block_.bytes();
  void* at = room.data();
  std::size_t space = room.size();
  auto* const to =
      static_cast<Field*>(std::align(alignof(Field), fields.size() * sizeof(Field), at, space));
  char* text = reinterpret_cast<char*>(to + fields.size());
  const auto copy = [&text](std::string_view s) {
    if (!s.empty()) std::memcpy(text, s.data(), s.size());
    const std::string_view kept(text, s.size());
    text += s.size();
    return kept;
  };
  Field* out = to;
  for (const Field& f : fields) {
    new (out) Field(f);
    out->name = copy(f.name);
    out->value = copy(f.value);
    ++out;
  }
  fields_ = {to, fields.size()};
}

void MuxStream::send_head(const Head& head, End end) {
  if (listed()) session->send_head(*this, head, end);
}
void MuxStream::send_body(Chain&& body, End end) {
  if (listed()) session->send_body(*this, std::move(body), end);
}
void MuxStream::send_trailers(const Fields& trailers) {
  if (listed()) session->send_trailers(*this, trailers);
}
void MuxStream::grant(std::size_t n) {
  if (listed()) session->grant(*this, n);
}
std::size_t MuxStream::body_room() {
  return listed() ? session->body_room(*this) : Limits::kBodyWindow;
}
void MuxStream::reset(ResetCode code) {
  if (listed()) session->reset(*this, code);
}
void MuxStream::detach() {
  events = nullptr;
  if (listed()) session->detach(*this);
}

void MuxStream::clear() {
  session = nullptr;
  next = nullptr;
  events = nullptr;
  id = 0;
  rx = Rx::head;
  tx = Tx::head;
  kind = Kind::request;
  rate = Rate::not_looked_at;
  mute = false;
  method = Method::other;
  interim = 0;
  send_window = recv_window = 0;
  credit = held_bytes = pending_bytes = unsettled = owed = 0;
  rx_left = tx_left = kNoLength;
  rx_total = tx_total = rx_mark = tx_mark = 0;
  header_bytes = room = 0;
  quiet = 0;
  held.clear();
  pending.clear();
  rx_trailers.clear();
  tx_trailers.clear();
  small.reset();
  small_used = 0;
}

MuxStream& StreamPool::take() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<MuxStream>());
    free_.push_back(all_.back().get());
  }
  MuxStream* const s = free_.back();
  free_.pop_back();
  return *s;
}

void StreamPool::give_back(MuxStream& s) {
  done_.push_back(&s);
  loop_.defer_to_turn_end(recycle_);
}

void StreamPool::recycle() {
  for (MuxStream* s : done_) {
    s->clear();
    free_.push_back(s);
  }
  done_.clear();
}

}  // namespace aralez::h2
