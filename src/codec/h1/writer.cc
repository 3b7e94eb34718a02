#include "codec/h1/writer.h"

#include <charconv>
#include <cstring>

namespace aralez::h1 {
namespace {

/// Checked append into room that was sized before. Heads are made of many short texts, so short
/// copies are done in place.
class Out {
 public:
  explicit Out(std::span<std::byte> room)
      : begin_(reinterpret_cast<char*>(room.data())), at_(begin_), end_(begin_ + room.size()) {}
  void put(std::string_view s) {
    assert(s.size() <= static_cast<std::size_t>(end_ - at_));
    copy(at_, s.data(), s.size());
    at_ += s.size();
  }
  void field(std::string_view name, std::string_view value) {
    put(name);
    std::memcpy(at_, ": ", 2);
    at_ += 2;
    put(value);
    std::memcpy(at_, "\r\n", 2);
    at_ += 2;
  }
  void number(std::uint64_t v, int base) {
    const auto [end, ec] = std::to_chars(at_, end_, v, base);
    assert(ec == std::errc{});
    at_ = end;
  }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  static void copy(char* to, const char* from, std::size_t n) {
    if (n > 16) {
      std::memcpy(to, from, n);
    } else if (n >= 8) {  // two copies that may overlap
      std::memcpy(to, from, 8);
      std::memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
      std::memcpy(to, from, 4);
      std::memcpy(to + n - 4, from + n - 4, 4);
    } else {
      for (std::size_t i = 0; i < n; ++i) to[i] = from[i];
    }
  }

  char* begin_;
  char* at_;
  char* end_;
};

std::size_t fields_size(const Fields& fields) {
  std::size_t n = 0;
  for (const Field& f : fields) n += f.name.size() + f.value.size() + 4;
  return n;
}

/// Upper bound of what put_framing() writes beside the texts it is given.
constexpr std::size_t kFramingRoom = 160;

void put_framing(Out& out, const WireFraming& f) {
  if (f.write_length) {
    out.put("Content-Length: ");
    out.number(f.length, 10);
    out.put("\r\n");
  }
  if (f.mode == BodyMode::chunked) out.put("Transfer-Encoding: chunked\r\n");
  if (!f.connection.empty()) out.field("Connection", f.connection);
  if (!f.upgrade.empty()) out.field("Upgrade", f.upgrade);
  if (f.expect_continue) out.put("Expect: 100-continue\r\n");
  out.put("\r\n");
}

std::size_t framing_size(const WireFraming& f) {
  return kFramingRoom + f.connection.size() + f.upgrade.size();
}

}  // namespace

void write_request_head(Transport& to, const Head& head, const WireFraming& framing) {
  Out out(to.output_space(head.method_text.size() + head.target.size() + 16 +
                          fields_size(head.fields) + framing_size(framing)));
  out.put(head.method_text);
  out.put(" ");
  out.put(head.target);
  out.put(" HTTP/1.1\r\n");
  for (const Field& f : head.fields) out.field(f.name, f.value);
  put_framing(out, framing);
  to.commit_output(out.size());
}

void write_response_head(Transport& to, const Head& head, const WireFraming& framing) {
  const auto reason = head.reason.empty() ? reason_phrase(head.status) : head.reason;
  Out out(to.output_space(reason.size() + 32 + fields_size(head.fields) + framing_size(framing)));
  out.put("HTTP/1.1 ");
  out.number(head.status, 10);
  out.put(" ");
  out.put(reason);
  out.put("\r\n");
  for (const Field& f : head.fields) out.field(f.name, f.value);
  put_framing(out, framing);
  to.commit_output(out.size());
}

std::uint64_t BodyWriter::send(Transport& to, Chain&& body, End end) {
  const std::uint64_t n = body.bytes();
  std::uint64_t dropped = 0;
  if (mode_ == BodyMode::none) {
    body.clear();
    return n;
  }
  if (mode_ == BodyMode::chunked && n > 0) {
    Out out(to.output_space(20));
    out.number(n, 16);
    out.put("\r\n");
    to.commit_output(out.size());
  }
  for (; !body.empty(); body.pop_front()) {
    Piece& piece = body.front();
    if (mode_ == BodyMode::length) {
      // The reading codec keeps bodies to their length, and filters do not add to them.
      if (piece.size() > left_) {
        assert(false && "more body than announced");
        dropped += piece.size();
        continue;
      }
      left_ -= piece.size();
    }
    to.queue(std::move(piece));
  }
  queued_ += n - dropped;
  if (mode_ == BodyMode::chunked) {
    if (n > 0)
      to.queue_copy(end == End::yes ? "\r\n0\r\n\r\n" : "\r\n");
    else if (end == End::yes)
      to.queue_copy("0\r\n\r\n");
  }
  return dropped;
}

void BodyWriter::send_trailers(Transport& to, const Fields& trailers) {
  if (mode_ != BodyMode::chunked) return;
  Out out(to.output_space(fields_size(trailers) + 8));
  out.put("0\r\n");
  for (const Field& f : trailers) out.field(f.name, f.value);
  out.put("\r\n");
  to.commit_output(out.size());
}

}  // namespace aralez::h1
