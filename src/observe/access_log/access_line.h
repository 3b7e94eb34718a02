#pragma once

#include <chrono>
#include <ctime>
#include <string>

#include "observe/access_log/access_record.h"

namespace aralez {

enum class AccessLogFormat : std::uint8_t { text, json };

/// Turns records into lines. Keeps what consecutive lines have in common.
class AccessLineWriter {
 public:
  explicit AccessLineWriter(AccessLogFormat format) : format_(format) {}

  /// Appends one line with its end. `time`: when the request ended.
  void append(std::string& out, const AccessRecord& record,
              std::chrono::system_clock::time_point time);

  /// The part of a line of text behind its stamp (behaviour section 15.2).
  void append_message(std::string& out, const AccessRecord& record);

 private:
  void append_text(std::string& out, const AccessRecord& record, std::time_t second);
  void append_json(std::string& out, const AccessRecord& record,
                   std::chrono::system_clock::time_point time);

  [[nodiscard]] const std::string& stamp_of(std::time_t second);

  const AccessLogFormat format_;
  std::time_t second_ = -1;
  std::string stamp_;    ///< of second_
  std::string scratch_;  ///< of redaction
};

}  // namespace aralez
