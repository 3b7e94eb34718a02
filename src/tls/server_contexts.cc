#include "tls/server_contexts.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/ascii.h"
#include "tls/server_tls.h"

namespace aralez {
namespace {

std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  std::string out = text != nullptr ? text : "not accepted";
  ERR_clear_error();
  return out;
}

bool use(SSL_CTX& context, const CertificatePair& pair) {
  std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> rest(
      sk_X509_new_null(), [](STACK_OF(X509) * s) { sk_X509_free(s); });
  if (!rest) return false;
  for (std::size_t i = 1; i < pair.chain.size(); ++i)
    if (sk_X509_push(rest.get(), pair.chain[i].get()) == 0) return false;
  return SSL_CTX_use_cert_and_key(&context, &pair.leaf(), pair.key.get(), rest.get(), 1) == 1;
}

/// Clients choose among certificates by the kind of their key.
int kind_of(const CertificatePair& pair) {
  return EVP_PKEY_get_base_id(pair.key.get());
}

bool issued_later(const CertificatePair& a, const CertificatePair& b) {
  return ASN1_TIME_compare(X509_get0_notBefore(&a.leaf()), X509_get0_notBefore(&b.leaf())) > 0;
}

bool valid_at(const CertificatePair& pair, std::time_t now) {
  return X509_cmp_time(X509_get0_notBefore(&pair.leaf()), &now) <= 0 &&
         X509_cmp_time(X509_get0_notAfter(&pair.leaf()), &now) > 0;
}

std::string_view suffix_of(std::string_view name) {
  const auto dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

}  // namespace

/// One making of a ServerContexts.
class ContextBuilder {
 public:
  ContextBuilder(const ServerPolicy& policy, std::time_t now,
                 std::vector<CertificateFinding>& findings)
      : policy_(policy), now_(now), findings_(findings) {}

  std::shared_ptr<const ServerContexts> build(const std::vector<CertificatePairPtr>& pairs) {
    take_usable(pairs);
    if (pairs_.empty()) return nullptr;
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      for (const std::string& name : pairs_[i].names) offer(by_name_[name], i);
    complete_from_wildcards();
    if (!make_default()) return nullptr;
    for (const auto& [name, group] : by_name_) {
      SSL_CTX* context = context_of(group);
      if (!context) return nullptr;
      if (name.starts_with("*."))
        out_->wildcards_.emplace(name.substr(2), context);
      else
        out_->exact_.emplace(name, context);
    }
    return out_;
  }

 private:
  struct Usable {
    CertificatePairPtr pair;
    std::vector<std::string> names;
    int kind = 0;
    bool valid = false;
  };
  /// Of each kind of key, the index of the best pair.
  using Group = std::map<int, std::size_t>;

  void take_usable(const std::vector<CertificatePairPtr>& pairs) {
    const SslContextPtr trial = make_server_context(policy_);
    for (const CertificatePairPtr& pair : pairs) {
      if (trial && use(*trial, *pair)) {
        pairs_.push_back({pair, names_of(pair->leaf()), kind_of(*pair), valid_at(*pair, now_)});
      } else {
        findings_.push_back({Severity::error, pair->chain_file,
                             fmt::format("refused under this proxy_tls_grade: {}", reason())});
      }
    }
  }

  void offer(Group& group, std::size_t i) {
    const auto [at, fresh] = group.emplace(pairs_[i].kind, i);
    if (!fresh && better(pairs_[i], pairs_[at->second])) at->second = i;
  }
  static bool better(const Usable& a, const Usable& b) {
    if (a.valid != b.valid) return a.valid;
    return issued_later(*a.pair, *b.pair);
  }

  /// A name with a certificate for one kind of key may have a wildcard's for the other.
  void complete_from_wildcards() {
    for (auto& [name, group] : by_name_) {
      if (name.starts_with("*.")) continue;
      const auto wild = by_name_.find("*." + std::string(suffix_of(name)));
      if (wild != by_name_.end()) group.insert(wild->second.begin(), wild->second.end());
    }
  }

  bool make_default() {
    Group group;
    if (!pairs_[0].names.empty()) group = by_name_[pairs_[0].names[0]];
    group[pairs_[0].kind] = 0;
    return context_of(group) != nullptr;
  }

  SSL_CTX* context_of(const Group& group) {
    const auto known = made_.find(group);
    if (known != made_.end()) return known->second;
    SslContextPtr context = make_server_context(policy_);
    if (!context) return nullptr;
    for (const auto& [kind, i] : group)
      if (!use(*context, *pairs_[i].pair)) return nullptr;
    if (!bind_tickets(*context, group)) return nullptr;
    ServerTls::install(*context);
    SSL_CTX* raw = context.get();
    out_->contexts_.push_back(std::move(context));
    made_.emplace(group, raw);
    return raw;
  }

  /// Tickets belong to a policy and to the names that the certificates stand for, so that a renewed
  /// certificate takes those of the one before.
  bool bind_tickets(SSL_CTX& context, const Group& group) const {
    std::vector<std::string> names;
    for (const auto& [kind, i] : group)
      names.insert(names.end(), pairs_[i].names.begin(), pairs_[i].names.end());
    if (names.empty()) names.push_back("\n" + pairs_[group.begin()->second].pair->name);
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string text = fmt::format("{}", static_cast<int>(policy_.grade));
    for (const std::string& name : names) text.append("\n").append(name);
    std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> id{};
    unsigned size = 0;
    static_assert(SSL_MAX_SID_CTX_LENGTH == 32);
    return EVP_Digest(text.data(), text.size(), id.data(), &size, EVP_sha256(), nullptr) == 1 &&
           SSL_CTX_set_session_id_context(&context, id.data(), size) == 1;
  }

  const ServerPolicy& policy_;
  std::time_t now_;
  std::vector<CertificateFinding>& findings_;
  std::vector<Usable> pairs_;
  std::map<std::string, Group, std::less<>> by_name_;
  std::map<Group, SSL_CTX*> made_;
  std::shared_ptr<ServerContexts> out_ = std::make_shared<ServerContexts>();
};

std::shared_ptr<const ServerContexts> ServerContexts::make(
    const std::vector<CertificatePairPtr>& pairs, const ServerPolicy& policy, std::time_t now,
    std::vector<CertificateFinding>& findings) {
  return ContextBuilder(policy, now, findings).build(pairs);
}

SSL_CTX& ServerContexts::select(std::string_view server_name) const noexcept {
  constexpr std::size_t kLongest = 253;
  if (server_name.ends_with('.')) server_name.remove_suffix(1);
  if (server_name.empty() || server_name.size() > kLongest) return fallback();
  std::array<char, kLongest> buffer;
  std::ranges::transform(server_name, buffer.begin(), to_lower);
  const std::string_view name(buffer.data(), server_name.size());
  if (const auto found = exact_.find(name); found != exact_.end()) return *found->second;
  if (const auto found = wildcards_.find(suffix_of(name)); found != wildcards_.end())
    return *found->second;
  return fallback();
}

}  // namespace aralez
