// fuzz-link: codec/h1
#include "head.h"
#include "memory/byte_sink.h"

namespace aralez::fuzz {
namespace {

/// The response that goes to the client is the one that was understood here.
void check_rewritten(const Head& head) {
  memory::ByteSink sink;
  h1::write_response_head(sink, head, framing_of(head));
  const Reading again(h1::parse_response, sink.text(), kWideLimits);
  require(again.result.outcome == h1::Parse::done, "what we write, we accept");
  require(again.result.bytes == sink.text().size(), "what we write is one head and no more");
  const Head& got = again.head;
  require(got.status == head.status, "same status");
  require(head.reason.empty() || got.reason == head.reason, "same reason phrase");
  require(got.length.kind == head.length.kind && got.length.bytes == head.length.bytes,
          "same body length");
  require(got.upgrade == head.upgrade, "same upgrade");
  require(same_fields(got.fields, head.fields), "same fields");
}

void one_input(std::string_view text) {
  const Reading whole(h1::parse_response, text, kLimits);
  check_pieces(h1::parse_response, text, whole);
  if (whole.result.outcome == h1::Parse::bad)
    require(!whole.result.error.why.empty(), "a refused response has a reason");
  if (whole.result.outcome != h1::Parse::done) return;
  require(whole.result.bytes <= text.size(), "a head ends inside its text");
  require(text.substr(0, whole.result.bytes).ends_with("\r\n\r\n"), "a head ends in an empty line");
  require(whole.head.status >= 100 && whole.head.status <= 599, "a status has three digits");
  check_accepted(whole.head);
  check_rewritten(whole.head);
}

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  aralez::fuzz::one_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
