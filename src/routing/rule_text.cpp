#include "routing/rule_text.h"

#include <fmt/format.h>

#include "routing/rule_node.h"

namespace limpet::routing {
namespace {

using Node = Rule::Node;

void write_node(const Node& node, std::string& out);

void write_part(const Node& part, bool in_parentheses, std::string& out) {
  if (in_parentheses) out.push_back('(');
  write_node(part, out);
  if (in_parentheses) out.push_back(')');
}

void write_node(const Node& node, std::string& out) {
  switch (node.kind) {
    case Node::Kind::kMatch: {
      out += matcher_name(node.matcher);
      std::string_view before = "(";
      for (const std::string& value : node.values) {
        out += before;
        out += quote_value(value);
        before = ", ";
      }
      out.push_back(')');
      return;
    }
    case Node::Kind::kNot:
      out.push_back('!');
      write_part(node.parts.front(), node.parts.front().kind != Node::Kind::kMatch, out);
      return;
    case Node::Kind::kAll:
    case Node::Kind::kAny: {
      const bool all = node.kind == Node::Kind::kAll;
      for (std::size_t i = 0; i < node.parts.size(); ++i) {
        if (i > 0) out += all ? " && " : " || ";
        write_part(node.parts[i], all && node.parts[i].kind == Node::Kind::kAny, out);
      }
      return;
    }
  }
}

}  // namespace

std::string quote_value(std::string_view value) {
  if (value.find_first_of("`\r") == std::string_view::npos) return fmt::format("`{}`", value);
  std::string out = "\"";
  for (const char c : value) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out.push_back(c);
    }
  }
  return out + "\"";
}

std::string Rule::text() const {
  std::string out;
  write_node(*root_, out);
  return out;
}

}  // namespace limpet::routing
