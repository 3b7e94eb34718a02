#include "control/reload/token_keys.h"

#include <fmt/format.h>

namespace aralez {

std::vector<std::string> token_key_warnings(const UpstreamsConfig& config, const MainConfig& main) {
  std::vector<std::string> out;
  const std::string& common = main.jwt_key.empty() ? main.master_key : main.jwt_key;
  std::string keyless;
  bool common_used = false;
  for (const auto& host : config.hosts)
    for (const auto& path : host.paths) {
      const auto& wanted = config.authorization ? config.authorization : path.authorization;
      if (!wanted) continue;
      const auto here = fmt::format("\n{}{} ({})", host.host, path.path, path.source.to_string());
      if (wanted->type != AuthType::jwt || wanted->jwt_key != JwtKey::secret) continue;
      if (!wanted->data.empty() && main.jwt_key.empty()) continue;
      common_used = true;
      if (common.empty()) keyless += here;
    }
  if (!keyless.empty())
    out.push_back(
        "authorization of type jwt without a key: these routes answer 401 to everybody; write "
        "data, "
        "or master_key in main.yaml, or set JWT_KEY" +
        keyless);
  constexpr std::size_t kGoodSecret = 32;  // RFC 7518 section 3.2
  if (common_used && !common.empty() && common.size() < kGoodSecret)
    out.push_back(
        fmt::format("{} has less than {} bytes: it can be guessed from a token of type jwt",
                    main.jwt_key.empty() ? "master_key" : "JWT_KEY", kGoodSecret));
  return out;
}

}  // namespace aralez
