#pragma once

#include <string>
#include <string_view>

namespace aralez {

/// Appends `text` as it may stand in a log (threats row 37): control bytes, DEL, the C1 controls
/// of UTF-8 and what is no UTF-8 become `\n`, `\t`, `\r` or `\xNN`. The result is one line.
void append_escaped(std::string& out, std::string_view text);

/// The same where a blank would end the text: it becomes `\x20`.
void append_escaped_word(std::string& out, std::string_view text);

/// The same for a string of JSON, without its quotes. Control bytes are `\u00NN` there; what is no
/// UTF-8 is written as the four characters `\xNN`.
void append_json_escaped(std::string& out, std::string_view text);

/// Like append_escaped, but line ends stay. Lines after the first are indented by two blanks, so
/// that none of them can pass for a record of its own; line ends at the end of the text are
/// dropped.
void append_record(std::string& out, std::string_view text);

}  // namespace aralez
