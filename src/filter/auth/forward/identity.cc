#include "filter/auth/forward/identity.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace aralez {
namespace {

/// Said by the proxy about each request, whatever the authorization server says.
constexpr FieldSet kOurs{FieldId::forwarded, FieldId::x_forwarded_for, FieldId::x_forwarded_host,
                         FieldId::x_forwarded_proto, FieldId::x_real_ip};

/// Never an identity, whatever the list says: another request may depend on them.
constexpr FieldSet kNever{FieldId::aralez_question,
                          FieldId::host,
                          FieldId::content_length,
                          FieldId::connection,
                          FieldId::transfer_encoding,
                          FieldId::upgrade,
                          FieldId::te,
                          FieldId::trailer,
                          FieldId::expect};

bool begins(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && iequals(name.substr(0, prefix.size()), prefix);
}

bool of_the_server(std::string_view name) {
  return begins(name, "x-") || begins(name, "remote-") || begins(name, "locat");
}

/// What browsers' code and tools send, and applications need. A `*` stands for any end.
constexpr auto kOfPrograms = std::to_array<std::string_view>({
    "x-amz-*",
    "x-amzn-trace-id",
    "x-api-key",
    "x-api-version",
    "x-b3-*",
    "x-chunk-*",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-csrf*",
    "x-datadog-*",
    "x-file-name",
    "x-file-size",
    "x-goog-upload-*",
    "x-grpc-web",
    "x-http-method*",
    "x-hub-signature*",
    "x-inertia*",
    "x-livewire",
    "x-method-override",
    "x-nextjs-*",
    "x-pjax*",
    "x-request-id",
    "x-requested-with",
    "x-socket-id",
    "x-trace-id",
    "x-turbo-*",
    "x-upload-*",
    "x-user-agent",
    "x-xsrf*",
});

bool of_a_program(std::string_view name) {
  return std::ranges::any_of(kOfPrograms, [name](std::string_view known) {
    return known.ends_with('*') ? begins(name, known.substr(0, known.size() - 1))
                                : iequals(name, known);
  });
}

/// Who somebody is, by whatever server it is said.
bool of_a_person(std::string_view name) {
  return begins(name, "remote-") || begins(name, "x-auth-") || begins(name, "x-remote-") ||
         begins(name, "x-forwarded-");
}

}  // namespace

IdentityFields::IdentityFields(const std::vector<std::string>& names) {
  for (const std::string& name : names) names_.push_back(lower(name));
}

std::string_view complaint_of_identity(std::string_view name) noexcept {
  if (!is_token(name)) return "not a name of a header field";
  const FieldId id = field_id(name);
  if (kOurs.has(id) || kNever.has(id)) return "set by the proxy alone";
  return {};
}

bool IdentityFields::named(std::string_view name) const noexcept {
  return std::ranges::any_of(names_, [name](const auto& known) { return iequals(name, known); });
}

bool IdentityFields::sets(const Field& field) const noexcept {
  if (kOurs.has(field.id) || kNever.has(field.id)) return false;
  return names_.empty() ? of_the_server(field.name) : named(field.name);
}

void IdentityFields::strip(Fields& fields) const {
  fields.remove_if([this](const Field& f) {
    if (kOurs.has(f.id) || kNever.has(f.id)) return false;
    if (!names_.empty()) return named(f.name) || of_a_person(f.name);
    return of_the_server(f.name) && !of_a_program(f.name);
  });
}

}  // namespace aralez
