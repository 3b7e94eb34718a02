#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "observe/names.h"

namespace aralez {

enum class MetricsFormat : std::uint8_t {
  text,        ///< Prometheus text format 0.0.4
  openmetrics  ///< OpenMetrics 1.0.0
};

/// What a client's Accept field asks for; `text` when it says nothing or nothing we know.
[[nodiscard]] MetricsFormat metrics_format_for(std::string_view accept);
[[nodiscard]] std::string_view content_type_of(MetricsFormat format) noexcept;

/// Families and samples as a scraper reads them: families by name, samples in the order they come.
///
/// Names are the same in both formats. OpenMetrics wants counters to end in `_total`; one that does
/// not is `unknown` there, so that its name need not change with what a scraper asks for.
class Exposition {
 public:
  struct Label {
    std::string_view name;
    std::string_view value;
  };
  using Labels = std::initializer_list<Label>;

  explicit Exposition(MetricsFormat format) : format_(format) {}

  /// What follows are samples of `family`. A family without any is left out.
  void begin(const MetricFamily& family);
  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, double value);
  /// With an ending: `_bucket`, `_sum`, `_count`.
  void sample(std::string_view ending, Labels labels, std::uint64_t value);
  void sample(std::string_view ending, Labels labels, double value);

  [[nodiscard]] std::string finish();

 private:
  void append_name(std::string_view ending, Labels labels);

  struct Family {
    std::string_view name;
    std::string text;
    std::size_t head = 0;  ///< bytes of `text` before the first sample
  };
  const MetricsFormat format_;
  std::vector<Family> families_;
};

}  // namespace aralez
