#pragma once

#include <expected>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace aralez {

/// `text` as the name of a certificate: lower case, without a dot at the end. The error says why it
/// is none: what is no DNS name may neither be asked for nor become part of a path (defect 25).
[[nodiscard]] std::expected<std::string, std::string> certificate_name(std::string_view text);

/// The names whose certificates are renewed: `domains.json`, a JSON array (behaviour section 11).
/// Read each time, so that operators may edit it.
class ManagedNames {
 public:
  /// Names are added to the first file; the others are read as well, if they are there.
  explicit ManagedNames(std::vector<std::string> files) : files_(std::move(files)) {}

  /// What is in it but no name is left out and told in `strange`. The error names a file that
  /// cannot be understood.
  [[nodiscard]] std::expected<std::set<std::string>, std::string> read(
      std::vector<std::string>* strange = nullptr) const;
  /// Nothing to do when a file has it. The error names what cannot be written, and the reason. One
  /// thread at a time.
  [[nodiscard]] std::expected<void, std::string> add(const std::string& name) const;

 private:
  const std::vector<std::string> files_;
};

}  // namespace aralez
