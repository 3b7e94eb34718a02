#include "route/challenge_table.h"

#include <utility>

namespace aralez {

ChallengeTable::Met::Met(ChallengeTable& table, std::string token, std::string answer)
    : table_(table), token_(std::move(token)) {
  const std::lock_guard lock(table_.mutex_);
  table_.answers_.insert_or_assign(token_, std::move(answer));
  table_.size_ = table_.answers_.size();
}

ChallengeTable::Met::~Met() {
  const std::lock_guard lock(table_.mutex_);
  table_.answers_.erase(token_);
  table_.size_ = table_.answers_.size();
}

std::optional<std::string> ChallengeTable::answer(std::string_view token) const {
  if (size_.load(std::memory_order_relaxed) == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(token);
  if (found == answers_.end()) return std::nullopt;
  return found->second;
}

bool ChallengeTable::is_met(std::string_view target) const {
  return target.starts_with(kFolder) && answer(target.substr(kFolder.size())).has_value();
}

}  // namespace aralez
