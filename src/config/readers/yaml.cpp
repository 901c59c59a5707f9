#include "config/readers/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <sstream>
#include <unordered_map>
#include <utility>
#include <vector>

namespace limpet::config {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 200'000;

/// Ends the reading of a document whose problem has been reported.
struct Abandoned : std::exception {};

/// Builds the tree from yaml-cpp's events, which carry places and anchors and, unlike its nodes, every key.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const std::string& source, base::Diagnostics& out)
      : text_(text), source_(source), out_(out) {}

  [[nodiscard]] Node take_root() { return std::move(root_); }
  [[nodiscard]] bool has_document() const noexcept { return documents_ > 0; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) stop(place_of(mark), "expected one document, got a second one after ---");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.place = place_of(mark);
    finish(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) stop(place_of(mark), "the alias stands inside what it names");
    count(count_of(found->second), mark);
    finish(found->second, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    finish(Node::text(value, place_of_text(mark)), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag);
    open(Node::list(place_of(mark)), anchor, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag);
    open(Node::map(place_of(mark)), anchor, mark);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] base::SourcePlace place_of(const YAML::Mark& mark) const {
    if (mark.is_null()) return {.source = source_};
    return {.source = source_,
            .line = static_cast<std::uint32_t>(mark.line) + 1,
            .column = static_cast<std::uint32_t>(mark.column) + 1};
  }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    NodeEntry pending;
    std::unordered_map<std::string, base::SourcePlace> seen;
    std::vector<Node> merges;
  };

  [[noreturn]] void stop(base::SourcePlace place, std::string message) {
    out_.error(std::move(place), "", std::move(message));
    throw Abandoned{};
  }

  /// Where the text of a scalar starts: behind an opening quote, on the line after a block's | or >.
  [[nodiscard]] base::SourcePlace place_of_text(const YAML::Mark& mark) const {
    base::SourcePlace place = place_of(mark);
    const auto at = static_cast<std::size_t>(mark.pos);
    if (mark.is_null() || at >= text_.size()) return place;
    const char first = text_[at];
    if (first == '"' || first == '\'') {
      ++place.column;
    } else if (first == '|' || first == '>') {
      const std::size_t line = text_.find('\n', at);
      const std::size_t begin =
          line == std::string_view::npos ? line : text_.find_first_not_of(" \t\r\n", line);
      if (begin == std::string_view::npos) return place;
      for (std::size_t i = at; i < begin; ++i) {
        place.line += text_[i] == '\n' ? 1 : 0;
      }
      place.column = static_cast<std::uint32_t>(begin - text_.rfind('\n', begin));
    }
    return place;
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    const bool standard = tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:");
    if (!standard) out_.error(place_of(mark), "", fmt::format("unknown tag {}", tag));
  }

  [[nodiscard]] static std::size_t count_of(const Node& node) {
    std::size_t total = 1;
    for (const Node& item : node.items) total += count_of(item);
    for (const NodeEntry& entry : node.entries) total += count_of(entry.value);
    return total;
  }

  void count(std::size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) {
      stop(place_of(mark), fmt::format("aliases make the document larger than {} values", kMaxNodes));
    }
  }

  void open(Node node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (frames_.size() >= kMaxDepth) {
      stop(place_of(mark), fmt::format("nested deeper than {} levels", kMaxDepth));
    }
    Frame frame;
    frame.node = std::move(node);
    frame.anchor = anchor;
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    for (const Node& merged : frame.merges) {
      for (const NodeEntry& entry : merged.entries) {
        if (frame.seen.try_emplace(entry.key, entry.key_place).second) frame.node.entries.push_back(entry);
      }
    }
    finish(std::move(frame.node), frame.anchor);
  }

  void finish(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      nodes_ += count_of(node);
      anchors_[anchor] = node;
    }
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.is_list()) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      take_key(frame, std::move(node));
    } else {
      take_value(frame, std::move(node));
    }
  }

  void take_key(Frame& frame, Node node) {
    if (!node.is_scalar()) stop(node.place, "expected a text as key");
    frame.pending = {.key = std::move(node.scalar), .key_place = std::move(node.place), .value = {}};
    frame.has_key = true;
  }

  void take_value(Frame& frame, Node node) {
    frame.has_key = false;
    if (frame.pending.key == "<<" && (node.is_map() || node.is_list())) {
      if (node.is_map()) {
        frame.merges.push_back(std::move(node));
        return;
      }
      for (Node& item : node.items) {
        if (!item.is_map()) stop(item.place, "expected a map to merge with <<");
        frame.merges.push_back(std::move(item));
      }
      return;
    }
    const auto [first, is_new] = frame.seen.try_emplace(frame.pending.key, frame.pending.key_place);
    if (!is_new) {
      out_.error(frame.pending.key_place, frame.pending.key,
                 fmt::format("given twice, first at line {}", first->second.line));
      return;
    }
    frame.pending.value = std::move(node);
    frame.node.entries.push_back(std::move(frame.pending));
  }

  std::string_view text_;
  const std::string& source_;
  base::Diagnostics& out_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;  // kept for anchors and made by aliases
  int documents_ = 0;
  Node root_;
};

}  // namespace

std::expected<Node, base::Diagnostics> read_yaml(std::string_view text, const std::string& source) {
  base::Diagnostics problems;
  TreeBuilder builder(text, source, problems);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Abandoned&) {
    return std::unexpected(std::move(problems));
  } catch (const YAML::Exception& error) {
    problems.error(builder.place_of(error.mark), "", "not valid YAML: " + error.msg);
  }
  if (problems.has_errors()) return std::unexpected(std::move(problems));
  Node root = builder.take_root();
  if (root.is_null()) root = Node::map({.source = source});
  return root;
}

}  // namespace limpet::config
