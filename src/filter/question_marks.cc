#include "filter/question_marks.h"

#include "base/base64.h"
#include "base/constant_time.h"
#include "tls/digest.h"
#include "tls/random.h"

namespace aralez {
namespace {

/// Keeps the marks apart from whatever else is made with the master key.
constexpr std::string_view kPurpose = "aralez question 1";

/// A mark: which route, then the signature of that; bytes before base64url.
constexpr std::size_t kName = 9;
constexpr std::size_t kSignature = 18;
constexpr std::size_t kNameSize = kName / 3 * 4;
static_assert(kNameSize + kSignature / 3 * 4 == QuestionMarks::kMarkSize);

constexpr std::size_t kStep = QuestionMarks::kMarkSize + QuestionMarks::kBetween.size();

std::string shortened(const Sha256& digest, std::size_t bytes) {
  return encode_base64url(as_text(digest).substr(0, bytes));
}

}  // namespace

QuestionMarks::QuestionMarks(std::string_view master_key)
    : key_(as_text(master_key.empty() ? random_secret() : hmac_sha256(master_key, kPurpose))) {}

std::string QuestionMarks::of(std::string_view host, std::string_view path) const {
  const std::string name = shortened(sha256({host, "\n", path}), kName);
  return name + signature(name);
}

std::string QuestionMarks::signature(std::string_view name) const {
  return shortened(hmac_sha256(key_, name), kSignature);
}

/// Ends with the first that is not, so that guesses cost little.
bool QuestionMarks::made_here(std::string_view marks) const {
  if ((marks.size() + kBetween.size()) % kStep != 0 || marks.size() > kMost * kStep) return false;
  for (;; marks.remove_prefix(kStep)) {
    const auto mark = marks.substr(0, kMarkSize);
    if (!same_secret(signature(mark.substr(0, kNameSize)), mark.substr(kNameSize))) return false;
    if (marks.size() == kMarkSize) return true;
    if (marks.substr(kMarkSize, kBetween.size()) != kBetween) return false;
  }
}

std::string_view QuestionMarks::keep_own(Fields& fields) const {
  constexpr FieldId kId = FieldId::aralez_question;
  const Field* const first = fields.find(kId);
  if (!first) return {};
  std::size_t lines = 0;
  for (const Field& f : fields) lines += f.id == kId ? 1 : 0;
  if (lines == 1 && made_here(first->value)) return first->value;
  fields.remove(kId);
  return {};
}

bool QuestionMarks::lead_back(std::string_view marks, std::string_view mark) noexcept {
  return marks.size() + kBetween.size() == kMost * kStep || marks.find(mark) != marks.npos;
}

}  // namespace aralez
