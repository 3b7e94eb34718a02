// fuzz-link: net
#include "check.h"
#include "net/proxy_header.h"

namespace aralez::fuzz {
namespace {

/// Whatever the pieces, the verdict is that of the first piece that allows one.
void run(std::string_view input) {
  using State = ProxyHeader::State;
  const auto whole = parse_proxy_header(input);
  require(whole.state != State::complete || whole.size <= input.size(), "a header is in its bytes");
  require(whole.state != State::complete || whole.size > 0, "a header is something");
  require(whole.size <= ProxyHeader::kMaxSize, "a header has a bound");
  require((whole.state == State::malformed) != whole.why.empty(), "what is malformed says why");
  require(whole.state != State::incomplete || input.size() < ProxyHeader::kMaxSize,
          "nothing is waited for behind the bound");
  for (std::size_t n = 0; n < input.size() && n <= ProxyHeader::kMaxSize; ++n) {
    const auto part = parse_proxy_header(input.substr(0, n));
    if (part.state == State::incomplete) continue;
    require(part.state == whole.state, "more bytes change no verdict");
    require(part.size == whole.size && part.client == whole.client, "nor a header");
    return;
  }
}

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto copy = aralez::fuzz::exact({reinterpret_cast<const char*>(data), size});
  aralez::fuzz::run(aralez::fuzz::view(copy));
  return 0;
}
