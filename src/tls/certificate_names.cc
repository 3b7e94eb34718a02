#include <openssl/x509v3.h>

#include <algorithm>
#include <string_view>

#include "base/ascii.h"
#include "tls/certificate_pair.h"

namespace aralez {
namespace {

using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslFree<&GENERAL_NAMES_free>>;

std::string_view text_of(const ASN1_STRING& s) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(&s)),
          static_cast<std::size_t>(ASN1_STRING_length(&s))};
}

/// Letters, digits, `-`, `_` and dots, `*.` in front; RFC 1035 lengths.
bool is_host_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > 253 || name.front() == '.') return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

void add(std::vector<std::string>& names, std::string_view text) {
  std::string name = lower(text);
  if (name.ends_with('.')) name.pop_back();
  if (is_host_name(name) && std::ranges::find(names, name) == names.end())
    names.push_back(std::move(name));
}

}  // namespace

std::time_t expiry_of(const X509& certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &parts) != 1) return 0;
  return ::timegm(&parts);
}

std::vector<std::string> names_of(X509& certificate) {
  std::vector<std::string> names;
  const NamesPtr alternative(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; alternative && i < sk_GENERAL_NAME_num(alternative.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternative.get(), i);
    if (name->type == GEN_DNS) add(names, text_of(*name->d.dNSName));
  }
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    add(names, text_of(*X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return names;
}

}  // namespace aralez
