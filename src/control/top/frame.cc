#include "control/top/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/utf8.h"

namespace aralez::top {
namespace {

/// As many characters as fit, padded; control bytes, and what is no text, as `?`.
std::string cell(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t used = 0;
  for (; !text.empty() && used < width; ++used) {
    const std::size_t n = utf8_length(text);
    const auto c = static_cast<unsigned char>(text.front());
    const bool control = n == 0 || c < 0x20 || c == 0x7f ||
                         (n == 2 && c == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (control)
      out += '?';
    else
      out += text.substr(0, n);
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out.append(width - used, ' ');
}

std::string cut(std::string_view text, std::size_t width) {
  std::string out = cell(text, width);
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

std::string rate(double r) {
  return r < 99.95 ? fmt::format("{:.1f}", r) : fmt::format("{:.0f}", r);
}

std::string time_text(double seconds) {
  if (seconds < 0.0009995) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 0.9995) return fmt::format("{:.1f} ms", seconds * 1e3);
  return fmt::format("{:.1f} s", seconds);
}

std::string age_text(double seconds) {
  if (seconds >= 2 * 86400) return fmt::format("{:.0f} d", std::floor(seconds / 86400));
  if (seconds >= 2 * 3600) return fmt::format("{:.0f} h", std::floor(seconds / 3600));
  if (seconds >= 120) return fmt::format("{:.0f} min", std::floor(seconds / 60));
  return fmt::format("{:.0f} s", std::floor(std::max(seconds, 0.0)));
}

/// How fast counters have grown between two looks.
class Rates {
 public:
  Rates(const Figures& now, const Figures* before) : now_(now) {
    if (!before || before->pid != now.pid || now.time <= before->time) return;
    before_ = before;
    seconds_ = now.time - before->time;
    for (const Route& r : before->routes) routes_.emplace(r.name, &r);
  }
  [[nodiscard]] double of(double Figures::* counter) const {
    return before_ ? grown(now_.*counter, before_->*counter) / seconds_ : 0;
  }
  [[nodiscard]] double of(const Route& route, double Route::* counter) const {
    const Route* old = before(route);
    return old ? grown(route.*counter, old->*counter) / seconds_ : 0;
  }
  [[nodiscard]] double of(const Route& route, std::size_t endpoint,
                          double Endpoint::* counter) const {
    const Route* old = before(route);
    if (!old || endpoint >= old->endpoints.size() ||
        old->endpoints[endpoint].address != route.endpoints[endpoint].address)
      return 0;
    return grown(route.endpoints[endpoint].*counter, old->endpoints[endpoint].*counter) / seconds_;
  }
  [[nodiscard]] double of_reason(const std::string& name, double n) const {
    if (!before_) return 0;
    const auto old = before_->reasons.find(name);
    return grown(n, old == before_->reasons.end() ? 0 : old->second) / seconds_;
  }
  /// Of the requests since then; of all, when there is no then.
  [[nodiscard]] double mean_latency() const {
    const double n = now_.requests - (before_ ? before_->requests : 0);
    const double sum = now_.latency_seconds - (before_ ? before_->latency_seconds : 0);
    return n > 0 ? sum / n : 0;
  }
  /// The bound that `part` of them stayed below.
  [[nodiscard]] double latency_below(double part) const {
    std::vector<double> counts = now_.latency_counts;
    if (before_ && before_->latency_counts.size() == counts.size())
      for (std::size_t i = 0; i < counts.size(); ++i) counts[i] -= before_->latency_counts[i];
    double all = 0;
    for (const double n : counts) all += n;
    double sum = 0;
    for (std::size_t i = 0; i < counts.size() && !now_.latency_bounds.empty(); ++i) {
      sum += counts[i];
      if (all > 0 && sum >= all * part)
        return now_.latency_bounds[std::min(i, now_.latency_bounds.size() - 1)];
    }
    return 0;
  }

 private:
  static double grown(double now, double before) { return std::max(now - before, 0.0); }
  [[nodiscard]] const Route* before(const Route& route) const {
    const auto at = routes_.find(route.name);
    return at == routes_.end() ? nullptr : at->second;
  }

  const Figures& now_;
  const Figures* before_ = nullptr;
  double seconds_ = 1;
  std::unordered_map<std::string_view, const Route*> routes_;
};

class Frame {
 public:
  Frame(const Figures& now, const Figures* before, std::string_view where, Size size)
      : now_(now), where_(where), size_(size), rates_(now, before) {}

  std::vector<Line> draw() {
    head();
    const std::size_t reasons = std::min<std::size_t>(now_.reasons.size(), kReasons);
    const std::size_t below = reasons == 0 ? 0 : reasons + 2;
    routes(size_.rows > lines_.size() + below ? size_.rows - below : size_.rows);
    if (reasons != 0) this->reasons(reasons);
    if (lines_.size() > size_.rows) lines_.resize(size_.rows);
    return std::move(lines_);
  }

 private:
  static constexpr std::size_t kReasons = 6;
  static constexpr std::size_t kNumber = 10;  // columns

  void put(std::string_view text, Line::Look look = Line::Look::plain) {
    lines_.push_back({cut(text, size_.columns), look});
  }
  /// A name and numbers to its right, then what there is room for.
  void row(std::string_view name, std::initializer_list<std::string> numbers,
           std::string_view rest = {}, Line::Look look = Line::Look::plain) {
    const std::size_t right = numbers.size() * (kNumber + 1);
    const std::size_t left = std::clamp<std::size_t>(
        size_.columns > right + 20 ? (size_.columns - right) * 2 / 3
                                   : size_.columns - std::min(right, size_.columns),
        8, 60);
    std::string text = cell(name, left);
    for (const std::string& n : numbers) text += fmt::format(" {:>{}}", n, kNumber);
    put(text + "  " + std::string(rest), look);
  }

  void head() {
    put(fmt::format("aralez {}  {}  up {}  {} workers  generation {} ({}, {})", now_.version,
                    where_, age_text(now_.uptime), now_.workers, now_.generation, now_.origin,
                    age_text(now_.age)),
        Line::Look::title);
    if (now_.last_result == "refused")
      put("the last configuration was refused; see the log", Line::Look::bad);
    put(fmt::format("requests {}/s  active {}  errors {}/s  retries {}/s  latency mean {}  99 % {}",
                    rate(rates_.of(&Figures::requests)), now_.active,
                    rate(rates_.of(&Figures::errors)), rate(rates_.of(&Figures::retries)),
                    time_text(rates_.mean_latency()), time_text(rates_.latency_below(0.99))));
    put(fmt::format("clients {}  servers {}  tunnels {}  TLS handshakes {}/s", now_.clients,
                    now_.upstreams, now_.tunnels, rate(rates_.of(&Figures::handshakes))));
    put("");
  }

  void routes(std::size_t until) {
    row("ROUTE", {"REQ/S", "ERR/S", "LATENCY"}, "", Line::Look::title);
    std::vector<const Route*> sorted;
    for (const Route& r : now_.routes) sorted.push_back(&r);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [this](const Route* a, const Route* b) { return key(*a) > key(*b); });
    for (const Route* r : sorted) {
      if (lines_.size() >= until) return;
      route(*r, until);
    }
  }
  [[nodiscard]] std::pair<double, double> key(const Route& r) const {
    return {rates_.of(r, &Route::requests), r.requests};
  }
  void route(const Route& r, std::size_t until) {
    row(r.name, {rate(rates_.of(r, &Route::requests)), rate(rates_.of(r, &Route::errors)),
                 r.requests > 0 ? time_text(r.latency_seconds / r.requests) : "-"});
    for (std::size_t i = 0; i < r.endpoints.size() && lines_.size() < until; ++i) {
      const Endpoint& e = r.endpoints[i];
      const bool bad = e.health == "down" || e.health == "left_out";
      row(fmt::format("  {} {} {}", e.address, e.health, e.protocol),
          {rate(rates_.of(r, i, &Endpoint::requests)), rate(rates_.of(r, i, &Endpoint::failures)),
           e.connects > 0 ? time_text(e.connect_seconds / e.connects) : "-"},
          e.last_error, bad ? Line::Look::bad : Line::Look::plain);
    }
  }

  void reasons(std::size_t most) {
    put("");
    row("ANSWERED HERE", {"/S", "TOTAL"}, "", Line::Look::title);
    std::vector<std::pair<double, std::string>> sorted;
    for (const auto& [name, n] : now_.reasons) sorted.emplace_back(rates_.of_reason(name, n), name);
    std::stable_sort(sorted.begin(), sorted.end(), [this](const auto& a, const auto& b) {
      return std::pair(a.first, now_.reasons.at(a.second)) >
             std::pair(b.first, now_.reasons.at(b.second));
    });
    sorted.resize(most);
    for (const auto& [per_second, name] : sorted)
      row(name, {rate(per_second), fmt::format("{:.0f}", now_.reasons.at(name))});
  }

  const Figures& now_;
  const std::string_view where_;
  const Size size_;
  const Rates rates_;
  std::vector<Line> lines_;
};

}  // namespace

std::vector<Line> draw(const Figures& now, const Figures* before, std::string_view where,
                       Size size) {
  return Frame(now, before, where, size).draw();
}

}  // namespace aralez::top
