#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "admin/call.h"
#include "base/clock.h"
#include "http/request_context.h"

namespace aralez {

/// Who may use the API (behaviour section 12, defect 3, threats row 32).
struct AccessConfig {
  std::string master_key;          ///< secret; empty: there is none
  std::vector<std::string> names;  ///< hosts it may be called by, beside addresses and localhost
};

/// Wrong keys of one client, counted. Both may be empty: nothing is.
struct KeyThrottle {
  /// How long no key of this client is looked at; zero or less: it is.
  std::function<Millis(const RequestContext&)> left;
  std::function<void(const RequestContext&)> failed;
};

/// - A request is local when it comes from this machine and no proxy, ours included, passed it on.
/// - The key opens everything. It is asked of whoever is not local; where no key is configured only
///   local requests are served.
/// - `POST /jwt` has the key in its body and is let through to be judged there.
/// - A browser on this machine is local, whoever wrote the page it shows. So pages of other sites
///   are told by what browsers say of them, and without the key the host must be one that no other
///   site can make point here: an address, localhost, or one of `names`.
/// - Challenges of a certificate authority are for everyone.
class AccessRules {
 public:
  enum class Verdict : std::uint8_t {
    open,
    no_key,     ///< it is needed
    wrong_key,  ///< it is needed, and that is not it
    not_local,  ///< no key is configured
    foreign_host,
    foreign_site,
  };

  explicit AccessRules(AccessConfig config) : config_(std::move(config)) {}
  [[nodiscard]] Verdict judge(const RequestContext& request, Call call) const;
  /// Whether the right key is what makes the difference: what guesses are made at.
  [[nodiscard]] bool asks_for_key(const RequestContext& request, Call call) const;

 private:
  enum class Key : std::uint8_t { none, wrong, right };
  [[nodiscard]] Key key_of(const RequestContext& request) const;
  [[nodiscard]] static bool is_local(const RequestContext& request);
  [[nodiscard]] bool own_host(std::string_view host) const;

  const AccessConfig config_;
};

/// For log and metric. Pre: not open.
[[nodiscard]] Reason reason_of(AccessRules::Verdict verdict) noexcept;

}  // namespace aralez
