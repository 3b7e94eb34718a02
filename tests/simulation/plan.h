#pragma once

#include <string>

#include "kernel.h"

namespace aralez::sim {

enum class Framing : std::uint8_t { none, length, chunked, until_end };

/// What a peer does to its connection after `at` bytes of a message. `stall`: no more, for ever.
enum class Fault : std::uint8_t { none, reset, end, stall };
struct Cut {
  Fault fault = Fault::none;
  std::size_t at = 0;
};

/// What came of a request, as its client sees it.
enum class Outcome : std::uint8_t { pending, whole, local_answer, broken };

/// One request and the answer that its origin has for it. Every text follows from the id, so that
/// bytes of another exchange show.
class Plan {
 public:
  int id = 0;
  std::string method = "GET";
  std::string path = "/";
  Framing request = Framing::none;
  std::size_t request_size = 0;
  bool http10 = false;
  bool close = false;
  bool expect = false;
  bool upgrade = false;

  int status = 200;
  Framing answer = Framing::length;
  std::size_t answer_size = 0;
  bool trailers = false;  ///< behind chunked bodies of either direction
  int interims = 0;
  bool early = false;  ///< answered before the request body is there
  bool origin_closes = false;
  Cut cut;  ///< of the origin, in its answer

  // Below kGuarded an authorization server is asked first.
  int verdict = 204;  ///< status of its answer
  std::size_t verdict_size = 0;
  Cut verdict_cut;

  // Kept by the peers.
  bool allowed = false;     ///< the authorization server has said yes
  int seen_by_origins = 0;  ///< complete heads
  Outcome outcome = Outcome::pending;

  static constexpr std::string_view kGuarded = "/p/";
  [[nodiscard]] bool guarded() const { return path == kGuarded; }
  [[nodiscard]] bool denied() const { return guarded() && verdict >= 300; }
  [[nodiscard]] bool idempotent() const { return method != "POST" && !upgrade; }
  [[nodiscard]] bool has_answer_body() const {
    return method != "HEAD" && status != 204 && status != 304;
  }
  [[nodiscard]] std::string target() const { return path + "r" + std::to_string(id) + "?q=%2f"; }
  [[nodiscard]] const std::string& request_body() const;
  [[nodiscard]] const std::string& answer_body() const;
  [[nodiscard]] std::string request_head() const;
  /// The request body as it goes onto the wire.
  [[nodiscard]] std::string request_rest() const;
  [[nodiscard]] std::string answer_text() const;
  [[nodiscard]] std::string verdict_body() const;
  /// To a question by the method of the request where that is HEAD.
  [[nodiscard]] std::string verdict_text() const;
  /// What the authorization server calls the client, and the cookie it has for it.
  [[nodiscard]] std::string user() const { return "user-" + std::to_string(id); }
  [[nodiscard]] std::string cookie() const { return "session=" + user(); }

 private:
  // Made when first asked for.
  mutable std::string request_body_;
  mutable std::string answer_body_;
};

/// The last words of an origin in a tunnel.
inline constexpr std::string_view kTunnelEnd = "bye";

}  // namespace aralez::sim
