#include "plan.h"

#include <algorithm>

namespace aralez::sim {
namespace {

std::string text_of(int id, char what, std::size_t n) {
  std::string s;
  s.reserve(n + 16);
  while (s.size() < n)
    s.append(std::to_string(id)).append(1, what).append(std::to_string(s.size()));
  s.resize(n);
  return s;
}

std::string framing_fields(Framing f, std::size_t n) {
  switch (f) {
    case Framing::none:
    case Framing::until_end: return "";
    case Framing::length: return "Content-Length: " + std::to_string(n) + "\r\n";
    case Framing::chunked: return "Transfer-Encoding: chunked\r\n";
  }
  return "";
}

std::string framed(Framing f, const std::string& body, bool trailers, int id) {
  if (f != Framing::chunked) return body;
  std::string out;
  std::size_t part = 1;
  for (std::size_t at = 0; at < body.size(); at += part) {
    part = std::min(body.size() - at, part * 3 % 4001 + 1);
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string digits;
    for (std::size_t n = part; n > 0; n /= 16) digits.insert(digits.begin(), kHex[n % 16]);
    out.append(digits).append("\r\n").append(body, at, part).append("\r\n");
  }
  out += "0\r\n";
  if (trailers) out += "X-Sum: " + std::to_string(id) + "\r\n";
  return out + "\r\n";
}

}  // namespace

const std::string& Plan::request_body() const {
  const std::size_t n = request == Framing::none ? 0 : request_size;
  if (request_body_.size() != n) request_body_ = text_of(id, '>', n);
  return request_body_;
}

const std::string& Plan::answer_body() const {
  if (answer_body_.size() != answer_size) answer_body_ = text_of(id, '<', answer_size);
  return answer_body_;
}

std::string Plan::request_head() const {
  std::string s = method + " " + target() + (http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  s += "Host: a.test\r\nX-Id: " + std::to_string(id) + "\r\n";
  s += framing_fields(request, request_size);
  if (guarded()) s += "Remote-User: root\r\nAralez-Question: forged\r\n";
  if (expect) s += "Expect: 100-continue\r\n";
  if (upgrade) s += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  if (close) s += "Connection: close\r\n";
  return s + "\r\n";
}

std::string Plan::request_rest() const {
  return framed(request, request_body(), trailers, id);
}

std::string Plan::answer_text() const {
  const std::string mark = "X-Id: " + std::to_string(id) + "\r\n";
  std::string s;
  for (int i = 0; i < interims; ++i) s += "HTTP/1.1 103 Early Hints\r\n" + mark + "\r\n";
  if (upgrade)
    return s + "HTTP/1.1 101 Switching Protocols\r\n" + mark +
           "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  s += "HTTP/1.1 " + std::to_string(status) + " Some\r\n" + mark;
  if (status != 204) s += framing_fields(answer, answer_size);
  if (origin_closes) s += "Connection: close\r\n";
  s += "\r\n";
  return has_answer_body() ? s + framed(answer, answer_body(), trailers, id) : s;
}

std::string Plan::verdict_body() const {
  return verdict == 204 ? "" : text_of(id, '?', verdict_size);
}

std::string Plan::verdict_text() const {
  std::string s = "HTTP/1.1 " + std::to_string(verdict) + " Some\r\n";
  if (denied())
    s += "X-Judge: " + std::to_string(id) + "\r\n";
  else
    s += "Remote-User: " + user() + "\r\nSet-Cookie: " + cookie() + "\r\n";
  if (verdict != 204) s += framing_fields(Framing::length, verdict_size);
  s += "\r\n";
  return method == "HEAD" ? s : s + verdict_body();
}

}  // namespace aralez::sim
