#include "filter/auth/forward/forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "filter/auth/refusal.h"
#include "http/worker_context.h"

namespace aralez {
namespace {

void add_field(Fields& fields, Arena& arena, std::string_view name, std::string_view value) {
  if (!value.empty()) fields.add(arena, {name, value, field_id(name)});
}

/// HTTP/2 may split the line (RFC 9113 section 8.2.3); the server gets one.
std::string_view joined_cookies(const Fields& fields, Arena& arena) {
  if (!fields.kinds().has(FieldId::cookie)) return {};
  std::size_t n = 0;
  std::string_view only;
  for (const Field& f : fields) {
    if (f.id != FieldId::cookie || f.value.empty()) continue;
    only = f.value;
    n += f.value.size() + 2;
  }
  if (n <= only.size() + 2) return only;
  const auto room = arena.allocate(n);
  char* to = reinterpret_cast<char*>(room.data());
  for (const Field& f : fields) {
    if (f.id != FieldId::cookie || f.value.empty()) continue;
    to = std::ranges::copy(f.value, to).out;
    to = std::ranges::copy(std::string_view("; "), to).out;
  }
  return as_text(room.first(n - 2));
}

std::string_view lower_copy(std::string_view text, Arena& arena) {
  const auto room = arena.allocate(text.size());
  std::ranges::transform(text, reinterpret_cast<char*>(room.data()), to_lower);
  return as_text(room);
}

void set_body(Reply& reply, BlockPool& blocks, std::string_view body) {
  if (body.empty()) return;
  BlockRef block = blocks.take_sized(body.size());
  std::memcpy(block.bytes().data(), body.data(), body.size());
  reply.body.push_back(Piece(Slice(block, block.bytes().first(body.size()))));
}

/// Only credentials in the request itself can be a guess: sessions are too long for that, and who
/// has none yet is no intruder (filter/limits/auth_throttle.h).
Reason reason_of(std::uint16_t status, const Fields& request) {
  if (status < 400) return Reason::auth_redirect;
  if (status >= 500) return Reason::auth_server_error;
  return status == 401 && request.find(FieldId::authorization) ? Reason::auth_wrong
                                                               : Reason::auth_denied;
}

/// What the client's own proxy says of it, where that is believed; else what is seen here.
std::string_view told_or_seen(const RequestContext& request, FieldId told, std::string_view seen) {
  const Field* const f = request.client.trusted ? request.request.fields.find(told) : nullptr;
  return f ? f->value : seen;
}

/// RFC 9110 section 11.6.1 wants a challenge; for this one no browser asks for a password.
constexpr std::string_view kChallenge = "Forward";

/// Of the cookies of a yes. A server that needs more parts of a session than this is a broken one.
constexpr std::size_t kMaxCookies = 16;
constexpr std::size_t kMaxCookieBytes = 16 * 1024;

/// All or none: half of a session would take the place of a good one.
void give_cookies(const RequestContext& request, const Fields& answer) {
  if (!answer.kinds().has(FieldId::set_cookie) || !request.answer_fields) return;
  std::size_t n = 0;
  std::size_t bytes = 0;
  for (const Field& f : answer) {
    if (f.id != FieldId::set_cookie) continue;
    ++n;
    bytes += f.value.size();
  }
  if (n > kMaxCookies || bytes > kMaxCookieBytes) return;
  for (const Field& f : answer)
    if (f.id == FieldId::set_cookie)
      request.answer_fields->add(request.arena,
                                 {"Set-Cookie", request.arena.copy(f.value), FieldId::set_cookie});
}

/// Nobody said yes: 401, as it always was (behaviour section 8.5).
Verdict refuse(RequestContext& request, Reply& reply, const Error& why) {
  if (why.code == Errc::limit) return refuse_for_now(request, reply, Reason::auth_busy, why.what);
  const bool late = why.code == Errc::timeout;
  return refuse_credentials(request, reply,
                            {.reason = late ? Reason::auth_timeout : Reason::auth_unreachable,
                             .challenge = kChallenge,
                             .why = why.what});
}

}  // namespace

/// One question under way. Lies in the request's arena, which lasts longer; holds nothing that
/// would have to be given back.
class ForwardAuth::Step final : public PendingStep, private SubrequestEvents {
 public:
  Step(const ForwardAuth& filter, RequestDriver& driver) : filter_(filter), driver_(driver) {}

  [[nodiscard]] Result<void> start(RequestContext& request, SubrequestClient& client) {
    filter_.ask(request, question_);
    auto sent = client.send(filter_.config_.server, question_, filter_.config_.times, *this);
    if (!sent) return std::unexpected(sent.error());
    pending_ = *sent;
    return {};
  }
  void cancel() override { pending_->cancel(); }

 private:
  Want on_answer(const Head& answer) override;
  void on_answer_body(std::string_view body, bool whole) override;
  void on_no_answer(Error why) override;
  void keep_refusal(const Head& answer, Arena& arena);

  const ForwardAuth& filter_;
  RequestDriver& driver_;
  PendingSubrequest* pending_ = nullptr;
  Head question_;  ///< pins no block
  // Of a refusal, while its body comes.
  std::uint16_t status_ = 0;
  BodyLength length_;
  Fields fields_;
};

Verdict ForwardAuth::on_request_head(RequestContext& request, Reply& reply) const {
  config_.identity.strip(request.request.fields);
  const std::string_view asked = config_.marks.keep_own(request.request.fields);
  if (!request.driver) return Verdict::proceed;
  if (QuestionMarks::lead_back(asked, config_.mark))
    return refuse_for_now(request, reply, Reason::auth_loop, {});
  // The server would judge one of them, and the upstream might take the other.
  const Fields& fields = request.request.fields;
  if (single_field(fields, FieldId::authorization).state == SingleField::State::repeated)
    return refuse_credentials(request, reply,
                              {.reason = Reason::auth_malformed, .challenge = kChallenge});
  auto* const step =
      new (request.arena.allocate(sizeof(Step), alignof(Step)).data()) Step(*this, *request.driver);
  if (auto started = step->start(request, *request.worker->subrequests); !started)
    return refuse(request, reply, started.error());
  request.driver->wait_for(*step);
  return Verdict::wait;
}

/// What the server is asked: about the request as policy has judged it and the upstream will see
/// it.
void ForwardAuth::ask(RequestContext& request, Head& question) const {
  const Head& r = request.request;
  const bool head = r.method == Method::head;
  question.method = head ? Method::head : Method::get;
  question.method_text = head ? "HEAD" : "GET";
  question.target = config_.url.target;
  Fields& fields = question.fields;
  fields.move_to(request.arena, 15);
  add_field(fields, request.arena, "Host", config_.url.authority);
  const std::string_view asked = r.fields.value(FieldId::aralez_question);
  add_field(fields, request.arena, QuestionMarks::kField,
            asked.empty() ? std::string_view(config_.mark)
                          : request.arena.join({asked, QuestionMarks::kBetween, config_.mark}));
  add_field(fields, request.arena, "X-Forwarded-Method", r.method_text);
  add_field(
      fields, request.arena, "X-Forwarded-Proto",
      told_or_seen(request, FieldId::x_forwarded_proto, request.client.tls ? "https" : "http"));
  add_field(fields, request.arena, "X-Forwarded-Host",
            told_or_seen(request, FieldId::x_forwarded_host, r.authority));
  add_field(fields, request.arena, "X-Forwarded-Uri", request.path.forward);
  add_field(fields, request.arena, "X-Forwarded-For", request.client.ip);
  add_field(fields, request.arena, "X-Real-IP", request.client.ip);
  add_field(fields, request.arena, "Authorization", r.fields.value(FieldId::authorization));
  add_field(fields, request.arena, "Cookie", joined_cookies(r.fields, request.arena));
  // By these a server chooses between a page to log in and a status.
  add_field(fields, request.arena, "User-Agent", r.fields.value(FieldId::user_agent));
  for (const std::string_view name : {"Accept", "Accept-Language", "X-Requested-With"})
    if (const Field* const f = r.fields.find(name))
      add_field(fields, request.arena, name, f->value);
}

SubrequestEvents::Want ForwardAuth::Step::on_answer(const Head& answer) {
  RequestContext request = driver_.request_context();
  if (answer.status >= 300) {
    keep_refusal(answer, request.arena);
    return Want::body;
  }
  for (const Field& f : answer.fields) {
    if (!filter_.config_.identity.sets(f)) continue;
    request.request.fields.set(request.arena, {lower_copy(f.name, request.arena),
                                               request.arena.copy(f.value), f.id, f.underscore});
  }
  give_cookies(request, answer.fields);
  driver_.resume(Verdict::proceed, {});
  return Want::head;
}

void ForwardAuth::Step::keep_refusal(const Head& answer, Arena& arena) {
  status_ = answer.status;
  length_ = answer.length;
  fields_.move_to(arena, answer.fields.size() + 1);
  for (const Field& f : answer.fields)
    if (f.id != FieldId::date)
      fields_.add(arena, {arena.copy(f.name), arena.copy(f.value), f.id, f.underscore});
}

void ForwardAuth::Step::on_answer_body(std::string_view body, bool whole) {
  RequestContext request = driver_.request_context();
  Reply reply;
  reply.status = status_;
  reply.fields = fields_;
  reply.reason = reason_of(status_, request.request.fields);
  if (!whole) {
    // What describes the body goes with it.
    reply.fields.remove_if([](const Field& f) {
      return f.name.size() > 8 && iequals(f.name.substr(0, 8), "content-");
    });
    reply.why = "the body of the answer was left out: too long or cut off";
  }
  set_body(reply, request.blocks, body);
  if (request.request.method == Method::head)
    reply.length = length_;
  else if (!bodyless(status_))
    reply.length = BodyLength::of(body.size());
  driver_.resume(Verdict::replied, std::move(reply));
}

void ForwardAuth::Step::on_no_answer(Error why) {
  RequestContext request = driver_.request_context();
  Reply reply;
  const Verdict verdict = refuse(request, reply, why);
  driver_.resume(verdict, std::move(reply));
}

std::unique_ptr<const Filter> make_forward_auth(const AuthConfig& block,
                                                const ForwardAuthPlace& place) {
  constexpr std::chrono::milliseconds kTimeout{10'000};
  HttpUrl url = parse_http_url(block.data.front()).value();
  auto server = place.servers.of(url);
  const auto all = block.timeout.value_or(kTimeout);
  return std::make_unique<ForwardAuth>(
      ForwardAuthConfig{.url = std::move(url),
                        .server = std::move(server),
                        .identity = IdentityFields(block.headers),
                        .times = {.connect = std::min(place.connect, all), .all = all},
                        .marks = place.marks,
                        .mark = place.marks.of(place.host, place.path)});
}

/// Without the query, which may hold a secret.
std::string ForwardAuth::describe() const {
  const auto& url = config_.url;
  return fmt::format("authorization: forward, asks {}://{}{}", url.tls ? "https" : "http",
                     url.authority, url.target.substr(0, url.target.find('?')));
}

}  // namespace aralez
