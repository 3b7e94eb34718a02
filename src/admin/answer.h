#pragma once

#include <cstdint>
#include <string_view>

#include "http/request_context.h"

namespace aralez {

namespace content {
inline constexpr std::string_view kNone;  ///< no Content-Type, as the original has it
inline constexpr std::string_view kText = "text/plain";
inline constexpr std::string_view kTextUtf8 = "text/plain; charset=utf-8";
inline constexpr std::string_view kHtml = "text/html; charset=utf-8";
inline constexpr std::string_view kJson = "application/json";
}  // namespace content

/// Makes `reply` an answer with this body, which is copied. `type` lives as long as the program.
Verdict answer(RequestContext& request, Reply& reply, std::uint16_t status, std::string_view type,
               std::string_view body);
/// The same for what is refused: with the reason that is counted and logged.
Verdict refuse(RequestContext& request, Reply& reply, std::uint16_t status, Reason reason,
               std::string_view type = {}, std::string_view body = {});

}  // namespace aralez
