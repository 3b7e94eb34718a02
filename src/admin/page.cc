#include "admin/page.h"

#include "base/base64.h"
#include "tls/digest.h"

namespace aralez {
namespace {

/// A source expression for exactly this text (Content Security Policy Level 3).
std::string hash_source(std::string_view text) {
  const Sha256 digest = sha256({text});
  std::string encoded((digest.size() + 2) / 3 * 4, '\0');
  encode_base64(digest, encoded.data());
  return "'sha256-" + encoded + "'";
}

}  // namespace

std::string page_policy() {
  return "default-src 'none'; connect-src 'self'; img-src data:; style-src " +
         hash_source(kPageStyle) + "; script-src " + hash_source(kPageScript) +
         "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
         "require-trusted-types-for 'script'";
}

}  // namespace aralez
