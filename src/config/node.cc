#include "config/node.h"

namespace aralez {

Source Node::source() const {
  return {document_->file(), line_, column_};
}

Source Node::source(const Member& member) const {
  return {document_->file(), member.line, member.column};
}

std::string_view to_string(Node::Kind kind) noexcept {
  switch (kind) {
    case Node::Kind::null: return "empty";
    case Node::Kind::scalar: return "a single value";
    case Node::Kind::sequence: return "a list";
    case Node::Kind::mapping: return "a mapping";
  }
  return "";
}

}  // namespace aralez
