#include "config/load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "config/bind.h"
#include "config/catalogue.h"
#include "config/document.h"
#include "config/effective.h"
#include "config/node.h"
#include "config/readers/environment.h"
#include "config/readers/flags.h"
#include "config/validate.h"

namespace limpet::config {
namespace {

constexpr std::string_view kConfigFile = "configFile";

std::string variable_of(std::span<const std::string> environment, std::string_view name) {
  for (const std::string& variable : environment) {
    const std::string_view text = variable;
    if (text.size() > name.size() && text.starts_with(name) && text[name.size()] == '=') {
      return std::string(text.substr(name.size() + 1));
    }
  }
  return {};
}

std::vector<std::string> usual_directories(std::span<const std::string> environment) {
  std::vector<std::string> places{"."};
  if (const std::string xdg = variable_of(environment, "XDG_CONFIG_HOME"); !xdg.empty())
    places.push_back(xdg);
  if (const std::string home = variable_of(environment, "HOME"); !home.empty())
    places.push_back(home + "/.config");
  places.emplace_back("/etc/limpet");
  places.emplace_back("/etc/traefik");
  return places;
}

/// The first configuration file in these places, Limpet's before Traefik's, or an empty text.
std::string find_file(const std::vector<std::string>& directories) {
  constexpr std::array<std::string_view, 2> kNames{"limpet", "traefik"};
  constexpr std::array<std::string_view, 3> kEndings{"yml", "yaml", "toml"};
  for (const std::string_view name : kNames) {
    for (const std::string& directory : directories) {
      for (const std::string_view ending : kEndings) {
        const std::string file = fmt::format("{}.{}", name, ending);
        const std::string path = directory == "." ? file : fmt::format("{}/{}", directory, file);
        if (::access(path.c_str(), F_OK) == 0) return path;
      }
    }
  }
  return {};
}

bool is_traefiks(const std::string& path) {
  return base::to_lower(std::filesystem::path(path).filename().string()).starts_with("traefik.");
}

FlagKind kind_of(std::string_view key) {
  return base::iequals(key, kConfigFile) ? FlagKind::kValue : static_flag_kind(key);
}

/// Takes `configFile` out of flags and environment.
std::string take_config_file(Node& flags, Node& environment) {
  std::string path = environment.take(kConfigFile).scalar;
  if (Node node = flags.take(kConfigFile); node.is_scalar()) path = std::move(node.scalar);
  return path;
}

}  // namespace

Static read_static(const Node& tree, bool lenient, base::Diagnostics& out) {
  Static settings = bind_static(tree, {.lenient = lenient}, out);
  settings.compat_lenient = lenient;
  complete(settings);
  validate_static(settings, tree, out);
  return settings;
}

std::expected<Loaded, base::Diagnostics> load_static(std::span<const std::string> args,
                                                     std::span<const std::string> environment,
                                                     const LoadOptions& options) {
  base::Diagnostics out;
  Loaded loaded;
  Node flags = read_flags(args, kind_of, out);
  EnvironmentTree variables = read_environment(environment, static_roots(), out);
  std::string path = take_config_file(flags, variables.tree);
  if (path.empty())
    path = find_file(options.directories ? *options.directories : usual_directories(environment));

  Node tree = Node::map({});
  if (!path.empty()) {
    loaded.files.push_back(path);
    auto text = read_file(path);
    auto document = text ? parse_document(*text, path) : std::unexpected(std::move(text.error()));
    if (document) {
      tree = std::move(*document);
    } else {
      out.add_all(document.error());
    }
  }
  tree = merge(merge(std::move(tree), std::move(variables.tree)), std::move(flags));

  bool lenient = options.lenient_default || variables.has_traefik || is_traefiks(path);
  if (const Node* given = tree.find_path("compat.lenient"))
    lenient = given->says(true) || (lenient && !given->says(false));
  loaded.settings = read_static(tree, lenient, out);
  if (out.has_errors()) return std::unexpected(in_reading_order(out));
  loaded.warnings = in_reading_order(out);
  return loaded;
}

}  // namespace limpet::config
