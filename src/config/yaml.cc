// The only file that knows yaml-cpp. It takes the parser's events, not its node type: those keep
// the position of keys, show repeated keys, and leave aliases to us.
#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <streambuf>
#include <unordered_set>

#include "config/node.h"
#include "config/yaml_text.h"

namespace aralez {
namespace {

struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

Position position(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

/// Leaves the parser when a document must be refused. Never leaves this file.
struct Refused {
  Position at;
  std::string why;
};

struct TextBuffer : std::streambuf {
  explicit TextBuffer(std::string& text) {
    setg(text.data(), text.data(), text.data() + text.size());
  }
};

Position position_of(std::string_view text, std::size_t offset) {
  Position at{1, 1};
  for (const char c : text.substr(0, offset)) {
    ++at.column;
    if (c == '\n') at = {at.line + 1, 1};
  }
  return at;
}

/// Rewords what the parser says. Its own text may quote the file, so unknown messages are not
/// passed on.
std::string_view reworded(std::string_view message) {
  struct Entry {
    std::string_view theirs, ours;
  };
  static constexpr Entry kTable[] = {
      {"the referenced anchor", "no such anchor; text that starts with * or & needs quotes"},
      {"illegal map value",
       "a `key: value` is not possible here; check the indentation, and quote text that holds `: "
       "`"},
      {"illegal map key", "a key is not possible here; check the indentation"},
      {"illegal block entry", "a list entry is not possible here; check the indentation"},
      {"illegal flow end", "closing bracket without an opening one"},
      {"end of map flow", "expected `,` or `}`; text that holds brackets or `,` needs quotes"},
      {"end of sequence flow", "expected `,` or `]`; text that holds brackets or `,` needs quotes"},
      {"end of map",
       "expected another key or the end of the mapping; check the indentation and quote text with "
       "brackets"},
      {"end of sequence",
       "expected another `- ` entry or the end of the list; check the indentation"},
      {"illegal tab", "tab in the indentation; use blanks"},
      {"illegal document indicator", "text in quotes is not closed"},
      {"illegal EOF in scalar", "text in quotes is not closed"},
      {"unknown token", "text cannot start with this character; put it in quotes"},
      {"unknown escape",
       "unknown escape in double quotes; write \\\\ for a backslash, or use single quotes"},
      {"bad character found while scanning hex", "bad hexadecimal escape in double quotes"},
      {"invalid unicode", "bad Unicode escape in double quotes"},
  };
  for (const Entry& e : kTable)
    if (message.starts_with(e.theirs)) return e.ours;
  return "not valid YAML here; check indentation, quotes and brackets";
}

bool indented_by_tab(std::string_view text, std::uint32_t line) {
  std::size_t at = 0;
  for (std::uint32_t n = 1; n < line; ++n) {
    at = text.find('\n', at);
    if (at == std::string_view::npos) return false;
    ++at;
  }
  const auto rest = text.substr(at);
  const auto first = rest.find_first_not_of(" \t");
  return rest.substr(0, first).find('\t') != std::string_view::npos;
}

}  // namespace

/// Builds the tree from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(Document& document, const YamlLimits& limits)
      : document_(document), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (document_.root_ != nullptr)
      throw Refused{position(mark), "text behind the end of the document; check the indentation"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(Node::Kind::null, mark, anchor), mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Node* target = anchor < anchors_.size() ? anchors_[anchor] : nullptr;
    if (target == nullptr || target->weight_ == 0)
      throw Refused{position(mark), "this alias stands inside what it names"};
    count(target->weight_, mark);
    add(*target, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node& node = make(Node::Kind::scalar, mark, anchor);
    node.text_ = value;
    node.style_ =
        tag == "!" || tag == "tag:yaml.org,2002:str" ? Node::Style::text : Node::Style::plain;
    add(node, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::sequence, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::mapping, mark, anchor);
  }
  void OnMapEnd() override { close(); }

  /// An empty text has a null root.
  void finish() {
    if (document_.root_ != nullptr) return;
    Node& node = document_.nodes_.emplace_back();
    node.document_ = &document_;
    document_.root_ = &node;
  }
  static void name(Document& document, std::string file) {
    document.file_ = std::make_shared<const std::string>(std::move(file));
  }

 private:
  enum class Slot : std::uint8_t { key, value, merge };
  struct Frame {
    Node* node;
    Slot next;  ///< of a mapping
    Node::Member pending;
    std::vector<const Node*> merges;
  };

  void count(std::uint64_t nodes, const YAML::Mark& mark) {
    total_ += nodes;
    if (total_ > limits_.max_nodes)
      throw Refused{position(mark),
                    fmt::format("more than {} values, aliases counted in full", limits_.max_nodes)};
  }

  Node& make(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    count(1, mark);
    Node& node = document_.nodes_.emplace_back();
    const Position at = position(mark);
    node.kind_ = kind;
    node.line_ = at.line;
    node.column_ = at.column;
    node.document_ = &document_;
    if (anchor != YAML::NullAnchor) {
      if (anchors_.size() <= anchor) anchors_.resize(anchor + 1);
      anchors_[anchor] = &node;
    }
    return node;
  }

  void open(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (stack_.size() >= limits_.max_depth)
      throw Refused{position(mark), fmt::format("nested deeper than {} levels", limits_.max_depth)};
    if (!stack_.empty() && stack_.back().node->is_mapping() && stack_.back().next == Slot::key)
      throw Refused{position(mark), "a list or mapping cannot be a key; put it in quotes"};
    Node& node = make(kind, mark, anchor);
    node.weight_ = 0;  // open: an alias to it is an endless loop
    stack_.push_back({&node, Slot::key, {}, {}});
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    Node& node = *frame.node;
    if (!frame.merges.empty()) merge(node, frame.merges);
    node.weight_ = 1;
    for (const Node* item : node.items_) node.weight_ += item->weight_;
    for (const Node::Member& member : node.members_) node.weight_ += member.value->weight_;
    place(node);
  }

  void add(const Node& node, const YAML::Mark& mark) {
    if (!stack_.empty() && stack_.back().node->is_mapping() && stack_.back().next == Slot::key) {
      take_key(node, mark);
    } else {
      place(node);
    }
  }

  void take_key(const Node& node, const YAML::Mark& mark) {
    if (!node.is_scalar() && !node.is_null())
      throw Refused{position(mark), "a list or mapping cannot be a key"};
    Frame& frame = stack_.back();
    const Position at = position(mark);
    frame.pending = {node.text_, at.line, at.column, nullptr};
    frame.next =
        node.text_ == "<<" && node.style_ == Node::Style::plain ? Slot::merge : Slot::value;
  }

  void place(const Node& node) {
    if (stack_.empty()) {
      document_.root_ = &node;
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node->is_sequence()) {
      frame.node->items_.push_back(&node);
      return;
    }
    if (frame.next == Slot::merge) {
      add_merge(frame, node);
    } else {
      frame.pending.value = &node;
      frame.node->members_.push_back(std::move(frame.pending));
    }
    frame.next = Slot::key;
  }

  static void add_merge(Frame& frame, const Node& node) {
    if (node.is_mapping()) {
      frame.merges.push_back(&node);
    } else if (node.is_sequence()) {
      for (const Node* item : node.items_) add_merge(frame, *item);
    } else if (!node.is_null()) {
      throw Refused{{frame.pending.line, frame.pending.column},
                    "<< needs an alias of a mapping, or a list of them"};
    }
  }

  /// What is written in the mapping itself beats what is merged, earlier merges beat later ones.
  static void merge(Node& node, const std::vector<const Node*>& sources) {
    std::unordered_set<std::string_view> present;
    std::vector<Node::Member> added;
    for (const Node::Member& member : node.members_) present.insert(member.key);
    for (const Node* source : sources)
      for (const Node::Member& member : source->members_)
        if (present.insert(member.key).second) added.push_back(member);
    node.members_.insert(node.members_.end(), added.begin(), added.end());
  }

  Document& document_;
  const YamlLimits& limits_;
  std::vector<Frame> stack_;
  std::vector<const Node*> anchors_;  ///< by the parser's anchor number
  std::uint64_t total_ = 0;
};

namespace {

std::optional<Refused> check_text(std::string_view text, const YamlLimits& limits) {
  if (text.size() > limits.max_bytes)
    return Refused{
        {}, fmt::format("larger than {} MiB; split it into conf.d files", limits.max_bytes >> 20)};
  if (const auto bad = first_bad_byte(text))
    return Refused{position_of(text, *bad), "a byte that is neither UTF-8 text nor white space"};
  return std::nullopt;
}

/// The parser reads a marker that is no line of the file: what it misses there is missed at the
/// end.
Position within(std::string_view text, Position at) {
  const std::string_view lines = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  const auto last = static_cast<std::uint32_t>(std::count(lines.begin(), lines.end(), '\n') + 1);
  if (lines.empty() || at.line <= last) return at;
  const auto begin = lines.rfind('\n') + 1;  // npos + 1: the first line
  return {last, static_cast<std::uint32_t>(lines.size() - begin + 1)};
}

std::optional<Refused> run_parser(std::string_view text, TreeBuilder& builder) {
  // The closing marker shows quotes that are never closed, and gives a last line its end.
  std::string closed(text);
  if (!closed.empty() && closed.back() != '\n') closed += '\n';
  closed += "...\n";
  try {
    TextBuffer buffer(closed);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (Refused& refused) {
    return std::move(refused);
  } catch (const YAML::DeepRecursion& e) {
    return Refused{position(e.mark), "nested too deep"};
  } catch (const YAML::Exception& e) {
    const Position at = within(text, position(e.mark));
    if (indented_by_tab(text, at.line)) return Refused{at, "tab in the indentation; use blanks"};
    return Refused{at, std::string(reworded(e.msg))};
  } catch (const std::exception&) {  // out of memory and the like
    return Refused{{}, "the YAML parser gave up on this file"};
  }
  return std::nullopt;
}

}  // namespace

std::unique_ptr<const Document> parse_yaml(std::string_view text, std::string file,
                                           Diagnostics& diagnostics, const YamlLimits& limits) {
  auto document = std::make_unique<Document>();
  TreeBuilder::name(*document, std::move(file));
  text = without_byte_order_mark(text);

  TreeBuilder builder(*document, limits);
  auto refused = check_text(text, limits);
  if (!refused) refused = run_parser(first_document(text), builder);
  if (refused) {
    diagnostics.error({document->file(), refused->at.line, refused->at.column}, "",
                      std::move(refused->why));
    return nullptr;
  }
  if (const auto more = second_document(text)) {
    const Position at = position_of(text, *more);
    diagnostics.warning({document->file(), at.line, at.column}, "",
                        "a second YAML document begins here and has no effect; only the first of a "
                        "file is read");
  }
  builder.finish();
  return document;
}

}  // namespace aralez
