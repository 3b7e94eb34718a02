#include "tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace aralez {
namespace {

/// HMAC-SHA-256 of a label. Without memory for that there is no going on.
void expand(const std::array<unsigned char, 32>& seed, std::string_view label,
            std::span<unsigned char> to) {
  std::array<unsigned char, 32> out{};
  unsigned size = 0;
  if (!HMAC(EVP_sha256(), seed.data(), static_cast<int>(seed.size()),
            reinterpret_cast<const unsigned char*>(label.data()), label.size(), out.data(), &size))
    std::abort();
  std::copy_n(out.begin(), to.size(), to.begin());
  OPENSSL_cleanse(out.data(), out.size());
}

}  // namespace

TicketSeed TicketSeed::random(TimePoint now) {
  TicketSeed seed{.since = now};
  if (RAND_bytes(seed.bytes.data(), static_cast<int>(seed.bytes.size())) != 1) std::abort();
  return seed;
}

TicketKeys::TicketKeys(const TicketSeed& seed) : seed_(seed) {
  derive();
  previous_ = current_;
}

TicketKeys::~TicketKeys() {
  OPENSSL_cleanse(seed_.bytes.data(), seed_.bytes.size());
  for (Key* key : {&current_, &previous_}) OPENSSL_cleanse(key, sizeof *key);
}

void TicketKeys::derive() {
  expand(seed_.bytes, "aralez ticket name", current_.name);
  expand(seed_.bytes, "aralez ticket cipher", current_.cipher);
  expand(seed_.bytes, "aralez ticket mac", current_.mac);
}

void TicketKeys::advance(TimePoint now) {
  while (now - seed_.since >= kPeriod) {
    previous_ = current_;
    seed_.since += kPeriod;
    std::array<unsigned char, 32> next{};
    expand(seed_.bytes, "aralez ticket next", next);
    seed_.bytes = next;
    OPENSSL_cleanse(next.data(), next.size());
    derive();
  }
}

const TicketKeys::Key& TicketKeys::current(TimePoint now) {
  advance(now);
  return current_;
}

TicketKeys::Found TicketKeys::find(std::span<const unsigned char> name, TimePoint now) {
  advance(now);
  if (std::ranges::equal(name, current_.name)) return {&current_, Age::current};
  if (std::ranges::equal(name, previous_.name)) return {&previous_, Age::previous};
  return {};
}

}  // namespace aralez
