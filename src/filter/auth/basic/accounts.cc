#include "filter/auth/basic/accounts.h"

#include <cstring>
#include <iterator>

#include "filter/auth/basic/password_hash.h"

namespace aralez {

void Accounts::add(std::string_view entry) {
  ++size_;
  id_ = sha256({id(), key_, entry});
  const auto colon = entry.find(':');
  const auto password = entry.substr(colon + 1);
  if (password_kind(password) == PasswordKind::plain)
    plain_.add(entry);
  else
    hashes_[std::string(entry.substr(0, colon))].emplace_back(password);
}

const std::vector<std::string>& Accounts::someones(std::string_view user) const {
  std::size_t place = 0;
  const Sha256 digest = sha256({key_, "unknown user", user});
  std::memcpy(&place, digest.data(), sizeof place);
  return std::next(hashes_.begin(), static_cast<std::ptrdiff_t>(place % hashes_.size()))->second;
}

bool Accounts::fits_hashed(std::string_view user, const std::string& password) const {
  if (password.size() > kMaxHashedPassword || password.find('\0') != std::string::npos)
    return false;
  const auto at = hashes_.find(user);
  const bool known = at != hashes_.end();
  bool fits = false;
  for (const std::string& hash : known ? at->second : someones(user))
    if (fits_hash(password, hash)) fits = true;
  return fits && known;
}

}  // namespace aralez
