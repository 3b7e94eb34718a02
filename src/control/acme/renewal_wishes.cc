#include "control/acme/renewal_wishes.h"

#include <algorithm>

#include "tls/random.h"

namespace aralez {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

/// Any time in the window, so that not everybody comes at its beginning (RFC 9773 section 4.2).
system_clock::time_point chosen_in(const RenewalInfo& info) {
  const auto length = std::chrono::floor<seconds>(info.end - info.begin).count() + 1;
  const auto at = random_value<std::uint64_t>() % static_cast<std::uint64_t>(length);
  return info.begin + seconds(static_cast<std::int64_t>(at));
}

}  // namespace

bool RenewalWishes::ask(AcmeClient& client, const std::string& name, const CertificateLife& life) {
  if (life.id.empty() || client.directory().renewal_info.empty()) return false;
  auto info = ask_renewal_info(client, life.id);
  if (!info) return false;
  const std::lock_guard lock(mutex_);
  Wish& wish = wishes_[name];
  wish.ask_again =
      std::clamp(info->retry_after.value_or(kRenewalPeriod), kLeastPeriod, kRenewalPeriod);
  wish.explanation = std::move(info->explanation);
  // A time that was chosen stays as long as it is in the window.
  if (wish.id == life.id && wish.time >= info->begin && wish.time <= info->end) return false;
  wish.id = life.id;
  wish.time = chosen_in(*info);
  return true;
}

std::optional<RenewalWishes::Wish> RenewalWishes::of(const std::string& name,
                                                     const CertificateLife& life) const {
  const std::lock_guard lock(mutex_);
  const auto found = wishes_.find(name);
  if (found == wishes_.end() || found->second.id != life.id) return std::nullopt;
  return found->second;
}

}  // namespace aralez
