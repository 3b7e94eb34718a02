#include "control/top/source.h"

#include <fmt/format.h>

#include <chrono>

namespace aralez::top {

std::expected<Figures, std::string> Source::look() {
  constexpr std::chrono::seconds kTimeout{5};
  constexpr std::size_t kMostBytes = 256 * 1024 * 1024;  // of an answer
  FetchRequest request{.url = base_ + "/status?format=json",
                       .schemes = FetchRequest::Schemes::any,
                       .way = FetchRequest::Way::direct,
                       .max_bytes = kMostBytes,
                       .timeout = kTimeout};
  if (!key_.empty()) request.fields.push_back("x-api-key: " + key_);
  const auto answer = fetcher_.ask(request);
  if (!answer) return std::unexpected(fmt::format("{}: {}", base_, answer.error()));
  if (answer->status == 403)
    return std::unexpected(
        fmt::format("{}: access denied; give the master_key of its main.yaml "
                    "by -c or in ARALEZ_KEY",
                    base_));
  if (answer->status != 200)
    return std::unexpected(fmt::format("{}: status {}", base_, answer->status));
  auto figures = read_figures(answer->body);
  if (!figures) return std::unexpected(fmt::format("{}: not the API of aralez", base_));
  return std::move(*figures);
}

}  // namespace aralez::top
