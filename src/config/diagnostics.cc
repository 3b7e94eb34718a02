#include "config/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace aralez {
namespace {

/// Files name keys and paths as they like; a log line stays one line.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

/// Hosts and paths are keys, and a quote that was not closed may have drawn lines with secrets into
/// one.
std::string key_shown(std::string_view key) {
  constexpr std::size_t kMost = 120;
  const std::size_t n = std::min({key.size(), kMost, key.find_first_of(" \t\"'")});
  return std::string(key.substr(0, n)) + (n < key.size() ? "..." : "");
}

std::string_view file_of(const Diagnostic& d) {
  return d.at.file ? *d.at.file : std::string_view{};
}

auto order(const Diagnostic& d) {
  return std::tuple(file_of(d), d.at.line, d.at.column);
}

}  // namespace

std::string Diagnostic::render() const {
  std::string out = escaped(at.to_string());
  if (at.column != 0) out += fmt::format(":{}", at.column);
  if (!out.empty()) out += ": ";
  if (severity == Severity::warning) out += "warning: ";
  if (!key.empty()) out += escaped(key) + ": ";
  return out + escaped(message);
}

void Diagnostics::add(Severity severity, const Source& at, std::string_view key,
                      std::string message) {
  ++(severity == Severity::error ? errors_ : warnings_);
  // Errors must not drown in warnings: they may use the room twice over.
  const std::size_t room = severity == Severity::error ? 2 * kMost : kMost;
  if (list_.size() < room) list_.push_back({severity, at, key_shown(key), std::move(message)});
}

void Diagnostics::error(const Source& at, std::string_view key, std::string message) {
  add(Severity::error, at, key, std::move(message));
}

void Diagnostics::warning(const Source& at, std::string_view key, std::string message) {
  add(Severity::warning, at, key, std::move(message));
}

void Diagnostics::warning_once(const Source& at, std::string_view key, std::string message) {
  if (said_.contains(key)) return;
  said_.emplace(key);
  warning(at, key, std::move(message));
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> out = list_;
  std::stable_sort(out.begin(), out.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return order(a) < order(b); });
  return out;
}

std::string Diagnostics::render() const {
  std::string out;
  for (const Diagnostic& d : sorted()) out += d.render() + "\n";
  if (const std::size_t left = errors_ + warnings_ - list_.size(); left != 0)
    out += fmt::format("and {} more\n", left);
  return out;
}

}  // namespace aralez
