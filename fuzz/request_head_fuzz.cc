// fuzz-link: codec/h1
#include "head.h"
#include "memory/byte_sink.h"

namespace aralez::fuzz {
namespace {

/// The request that goes upstream is the one that was understood here.
void check_rewritten(const Head& head) {
  BlockPool pool(1);
  Arena arena(pool);
  Head out = head;
  out.fields.move_to(arena, 1);                   // the array of `head` stays as it is
  if (out.fields.find(FieldId::host) == nullptr)  // HTTP/1.0 may lack one, the exchange adds it
    out.fields.add(arena, {"Host", "added.test", FieldId::host});

  if (out.target.starts_with('?')) out.target = arena.join({"/", out.target});  // so does it a path

  memory::ByteSink sink;
  h1::write_request_head(sink, out, framing_of(out));
  const Reading again(h1::parse_request, sink.text(), kWideLimits);
  require(again.result.outcome == h1::Parse::done, "what we write, we accept");
  require(again.result.bytes == sink.text().size(), "what we write is one head and no more");
  const Head& got = again.head;
  require(got.method == out.method && got.method_text == out.method_text, "same method");
  require(got.target == out.target, "same target");
  require(got.length.kind == out.length.kind && got.length.bytes == out.length.bytes,
          "same body length");
  require(got.expect_continue == out.expect_continue, "same expectation");
  require(got.upgrade == out.upgrade, "same upgrade");
  require(same_fields(got.fields, out.fields), "same fields");
  require(again.persistence.keep_alive, "what we write keeps the connection");
}

void one_input(std::string_view text) {
  const Reading whole(h1::parse_request, text, kLimits);
  check_pieces(h1::parse_request, text, whole);
  if (whole.result.outcome == h1::Parse::bad) {
    const auto status = whole.result.error.status;
    require(status == 400 || status == 414 || status == 417 || status == 431 || status == 501 ||
                status == 505,
            "a refused request has a status for its client");
    require(!whole.result.error.why.empty(), "a refused request has a reason");
  }
  if (whole.result.outcome != h1::Parse::done) return;
  require(whole.result.bytes <= text.size(), "a head ends inside its text");
  require(text.substr(0, whole.result.bytes).ends_with("\r\n\r\n"), "a head ends in an empty line");
  check_accepted(whole.head);
  check_rewritten(whole.head);
}

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  aralez::fuzz::one_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
