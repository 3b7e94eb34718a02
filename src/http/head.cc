#include "http/head.h"

#include <cassert>
#include <functional>

namespace aralez {
namespace {

bool holds(std::string_view whole, std::string_view part) noexcept {
  const std::less_equal<const char*> upto;
  return upto(whole.data(), part.data()) &&
         upto(part.data() + part.size(), whole.data() + whole.size());
}

}  // namespace

void Head::move_to(Arena& arena, std::size_t extra) {
  constexpr std::size_t kCopyUpTo = 1024;
  fields.move_to(arena, extra);
  if (raw.empty() || raw.size() > kCopyUpTo) return;
  const char* const to = arena.copy(raw).data();
  const auto follow = [from = raw.data(), to](std::string_view& text) {
    if (!text.empty()) text = {to + (text.data() - from), text.size()};
  };
  for (std::string_view* text : {&method_text, &target, &scheme, &authority, &upgrade}) {
    if (holds(raw, *text)) follow(*text);
  }
  for (Field& f : fields) {
    assert(holds(raw, f.name) && (f.value.empty() || holds(raw, f.value)));
    follow(f.name);
    follow(f.value);
  }
  raw = {};
  pin.reset();
}

Method method_of(std::string_view t) noexcept {
  switch (t.size()) {
    case 3:
      if (t == "GET") return Method::get;
      if (t == "PUT") return Method::put;
      break;
    case 4:
      if (t == "HEAD") return Method::head;
      if (t == "POST") return Method::post;
      break;
    case 5:
      if (t == "PATCH") return Method::patch;
      if (t == "TRACE") return Method::trace;
      break;
    case 6:
      if (t == "DELETE") return Method::del;
      break;
    case 7:
      if (t == "OPTIONS") return Method::options;
      if (t == "CONNECT") return Method::connect;
      break;
    default: break;
  }
  return Method::other;
}

std::string_view reason_phrase(std::uint16_t status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 208: return "Already Reported";
    case 226: return "IM Used";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    default: return "";
  }
}

}  // namespace aralez
