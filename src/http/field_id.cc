#include <array>
#include <utility>

#include "http/fields.h"

namespace aralez {
namespace {

constexpr std::array kNames = {
    std::pair{std::string_view{"accept-ranges"}, FieldId::accept_ranges},
    std::pair{std::string_view{"aralez-question"}, FieldId::aralez_question},
    std::pair{std::string_view{"authorization"}, FieldId::authorization},
    std::pair{std::string_view{"connection"}, FieldId::connection},
    std::pair{std::string_view{"content-length"}, FieldId::content_length},
    std::pair{std::string_view{"content-range"}, FieldId::content_range},
    std::pair{std::string_view{"content-type"}, FieldId::content_type},
    std::pair{std::string_view{"cookie"}, FieldId::cookie},
    std::pair{std::string_view{"date"}, FieldId::date},
    std::pair{std::string_view{"etag"}, FieldId::etag},
    std::pair{std::string_view{"expect"}, FieldId::expect},
    std::pair{std::string_view{"forwarded"}, FieldId::forwarded},
    std::pair{std::string_view{"host"}, FieldId::host},
    std::pair{std::string_view{"if-match"}, FieldId::if_match},
    std::pair{std::string_view{"if-modified-since"}, FieldId::if_modified_since},
    std::pair{std::string_view{"if-none-match"}, FieldId::if_none_match},
    std::pair{std::string_view{"if-range"}, FieldId::if_range},
    std::pair{std::string_view{"if-unmodified-since"}, FieldId::if_unmodified_since},
    std::pair{std::string_view{"keep-alive"}, FieldId::keep_alive},
    std::pair{std::string_view{"last-modified"}, FieldId::last_modified},
    std::pair{std::string_view{"location"}, FieldId::location},
    std::pair{std::string_view{"proxy"}, FieldId::proxy},
    std::pair{std::string_view{"proxy-connection"}, FieldId::proxy_connection},
    std::pair{std::string_view{"range"}, FieldId::range},
    std::pair{std::string_view{"server"}, FieldId::server},
    std::pair{std::string_view{"set-cookie"}, FieldId::set_cookie},
    std::pair{std::string_view{"te"}, FieldId::te},
    std::pair{std::string_view{"trailer"}, FieldId::trailer},
    std::pair{std::string_view{"transfer-encoding"}, FieldId::transfer_encoding},
    std::pair{std::string_view{"upgrade"}, FieldId::upgrade},
    std::pair{std::string_view{"user-agent"}, FieldId::user_agent},
    std::pair{std::string_view{"x-api-key"}, FieldId::x_api_key},
    std::pair{std::string_view{"x-forwarded-for"}, FieldId::x_forwarded_for},
    std::pair{std::string_view{"x-forwarded-host"}, FieldId::x_forwarded_host},
    std::pair{std::string_view{"x-forwarded-proto"}, FieldId::x_forwarded_proto},
    std::pair{std::string_view{"x-real-ip"}, FieldId::x_real_ip},
};

// Length, first and last letter tell the known names apart, so one comparison decides.
constexpr std::size_t kSlots = 256;
constexpr std::size_t slot_of(std::string_view n) noexcept {
  const auto first = static_cast<unsigned char>(n.front() | 0x20);
  const auto last = static_cast<unsigned char>(n.back() | 0x20);
  const auto middle = static_cast<unsigned char>(n[n.size() / 2] | 0x20);
  return (n.size() * 215 + first * 235U + last * 143U + middle * 237U) % kSlots;
}
constexpr auto kTable = [] {
  std::array<std::uint8_t, kSlots> t{};
  for (std::size_t i = 0; i < kNames.size(); ++i)
    t[slot_of(kNames[i].first)] = static_cast<std::uint8_t>(i + 1);
  return t;
}();
constexpr bool kNoCollision = [] {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kTable[slot_of(kNames[i].first)] != i + 1) return false;
  return true;
}();
static_assert(kNoCollision, "two known field names share a slot: change the factors of slot_of");

}  // namespace

FieldId field_id(std::string_view name) noexcept {
  if (name.empty()) return FieldId::other;
  const std::uint8_t i = kTable[slot_of(name)];
  if (i == 0) return FieldId::other;
  const auto& [known, id] = kNames[i - 1U];
  return token_equals(name, known) ? id : FieldId::other;
}

}  // namespace aralez
