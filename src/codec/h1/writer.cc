#include "codec/h1/writer.h"

#include <array>
#include <cstring>

namespace aralez::h1 {
namespace {

/// Short texts by two copies that may overlap: a call costs more than they do.
template <std::size_t N>
inline void copy_ends(char* to, const char* from, std::size_t n) {
  std::array<char, N> first;
  std::array<char, N> last;
  std::memcpy(first.data(), from, N);
  std::memcpy(last.data(), from + n - N, N);
  std::memcpy(to, first.data(), N);
  std::memcpy(to + n - N, last.data(), N);
}

/// Append into room that was sized before. Inlined everywhere, so that the position stays in a
/// register: what is written through a char pointer might be the position, for all the compiler
/// knows.
class Out {
 public:
  explicit Out(std::span<std::byte> room)
      : begin_(reinterpret_cast<char*>(room.data())), at_(begin_), end_(begin_ + room.size()) {}
  template <std::size_t N>
  [[gnu::always_inline]] void put(const char (&literal)[N]) {
    assert(N - 1 <= static_cast<std::size_t>(end_ - at_));
    std::memcpy(at_, literal, N - 1);
    at_ += N - 1;
  }
  [[gnu::always_inline]] void text(std::string_view s) {
    assert(s.size() <= static_cast<std::size_t>(end_ - at_));
    const std::size_t n = s.size();
    if (n > 32)
      std::memcpy(at_, s.data(), n);
    else if (n >= 16)
      copy_ends<16>(at_, s.data(), n);
    else if (n >= 8)
      copy_ends<8>(at_, s.data(), n);
    else if (n >= 4)
      copy_ends<4>(at_, s.data(), n);
    else
      for (std::size_t i = 0; i < n; ++i) at_[i] = s[i];
    at_ += n;
  }
  [[gnu::always_inline]] void field(std::string_view name, std::string_view value) {
    text(name);
    put(": ");
    text(value);
    put("\r\n");
  }
  /// Three digits and a blank. Pre: 100 <= status <= 999.
  void status(std::uint16_t status) {
    at_[0] = static_cast<char>('0' + status / 100);
    at_[1] = static_cast<char>('0' + status / 10 % 10);
    at_[2] = static_cast<char>('0' + status % 10);
    at_[3] = ' ';
    at_ += 4;
  }
  template <unsigned Base>
  void number(std::uint64_t v) {
    std::array<char, 20> digits;
    std::size_t at = digits.size();
    do {
      digits[--at] = "0123456789abcdef"[v % Base];
      v /= Base;
    } while (v > 0);
    text({digits.data() + at, digits.size() - at});
  }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
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

[[gnu::always_inline]] inline void put_framing(Out& out, const WireFraming& f) {
  if (f.write_length) {
    out.put("Content-Length: ");
    out.number<10>(f.length);
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
  out.text(head.method_text);
  out.put(" ");
  out.text(head.target);
  out.put(" HTTP/1.1\r\n");
  for (const Field& f : head.fields) out.field(f.name, f.value);
  put_framing(out, framing);
  to.commit_output(out.size());
}

void write_response_head(Transport& to, const Head& head, const WireFraming& framing) {
  const auto reason = head.reason.empty() ? reason_phrase(head.status) : head.reason;
  Out out(to.output_space(reason.size() + 32 + fields_size(head.fields) + framing_size(framing)));
  out.put("HTTP/1.1 ");
  out.status(head.status);
  out.text(reason);
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
    out.number<16>(n);
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
