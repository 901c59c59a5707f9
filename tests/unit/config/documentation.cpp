#include "unit/config/documentation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "config/catalogue.h"

namespace limpet::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

This page is made from the code; a test holds it against it. Keys marked **L** are Limpet's own, all others are
Traefik's, with Traefik's names, defaults and meaning. Upper and lower case are the same in keys.

The **static configuration** is fixed while the process runs: entry points, providers, logs. It comes from three sources,
which may be mixed. Flags win over the environment, the environment over the file, key by key:

| source | form |
|---|---|
| flags | `--log.level=DEBUG`, `--log.level DEBUG`, `--api` (a switch or group alone means on) |
| environment | `LIMPET_LOG_LEVEL=DEBUG`, else `TRAEFIK_LOG_LEVEL=DEBUG` |
| file | YAML or TOML; `--configFile=FILE`, else the first of `limpet.yml`, `limpet.yaml`, `limpet.toml`, then `traefik.yml`, `traefik.yaml`, `traefik.toml` in `.`, `$XDG_CONFIG_HOME`, `$HOME/.config`, `/etc/limpet`, `/etc/traefik` |

The **dynamic configuration** is what providers bring: routers, services, middlewares. It changes while the process runs.
A file that is broken is reported with line and column, and what was read before stays in force.

Values: a *duration* is `500ms`, `1m30s`, `1.5h`, or a bare number of seconds. A *size* is `4096`, `64k`, `10M`, `1GiB`. A
*list* is a list in files and comma-separated in flags, environment and labels. A *group* has keys below it; the bare value
`true` switches it on with its defaults. `limpet check FILE...` says what is wrong with a file.

An unknown key is an error that names the nearest known key. With `compat.lenient` it is a warning; that is the default
where the configuration is Traefik's own: a file called `traefik.*`, a `TRAEFIK_` variable, or flags without `run`.
Middlewares and services of a kind that is not supported are left out then, and routers that use them are disabled, so that
nothing is served without the protection it was given.
)";

constexpr std::string_view kStaticEnd = R"(
Where nothing else is said: without entry points there is `http` on `:80`. An insecure API, ping and metrics are served on
entry point `traefik`, which is made on `:8080` if it is not configured. An API that is not insecure listens on
`api.address`: `127.0.0.1:8080`, or `127.0.0.1:8081` where entry point `traefik` takes port 8080. Without `api` it listens on
`127.0.0.1:8080` if that is free.
)";

std::string section_of(std::string_view path, std::size_t levels) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < levels && end != std::string_view::npos; ++i)
    end = path.find('.', end + (i == 0 ? 0 : 1));
  return std::string(path.substr(0, end));
}

/// "entryPoints.<name>" and the like: what a table is about.
std::string section_of(std::string_view path) {
  if (path.starts_with("http.services.<name>.") || path.starts_with("http.middlewares.<name>.")) {
    return section_of(path, 4);
  }
  if (path.starts_with("http.")) return section_of(path, 3);
  if (path.starts_with("entryPoints.") || path.starts_with("providers.file") ||
      path.starts_with("providers.docker") || path.starts_with("metrics.prometheus")) {
    return section_of(path, 2);
  }
  return section_of(path, 1);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

std::string row_of(const KeyInfo& key, std::string_view section) {
  const std::string name = key.path.substr(section.size() + 1);
  return fmt::format("| `{}`{} | {} | {} | {} |\n", name, key.own ? " **L**" : "", escaped(key.type),
                     key.fallback.empty() ? "" : fmt::format("`{}`", key.fallback), escaped(key.doc));
}

void add_tables(const std::vector<KeyInfo>& keys, std::string& out) {
  std::vector<std::string> sections;
  for (const KeyInfo& key : keys) {
    if (key.use != KeyInfo::Use::kUsed) continue;
    const std::string section = section_of(key.path);
    if (std::ranges::find(sections, section) == sections.end()) sections.push_back(section);
  }
  for (const std::string& section : sections) {
    std::string head = fmt::format("\n### `{}`\n", section);
    std::string rows;
    for (const KeyInfo& key : keys) {
      if (key.use != KeyInfo::Use::kUsed || section_of(key.path) != section) continue;
      if (key.path == section) {
        head += fmt::format("\n{}{}.\n", key.doc, key.own ? " (Limpet's own)" : "");
      } else {
        rows += row_of(key, section);
      }
    }
    if (rows.empty()) continue;
    out += head + "\n| key | type | default | meaning |\n|---|---|---|---|\n" + rows;
  }
}

void add_list(std::string_view title, KeyInfo::Use use, std::string& out) {
  out += fmt::format("\n{}\n\n", title);
  for (const std::vector<KeyInfo>* keys : {&static_keys(), &dynamic_keys()}) {
    for (const KeyInfo& key : *keys) {
      if (key.use == use) out += fmt::format("- `{}`\n", key.path);
    }
  }
}

}  // namespace

std::string configuration_document() {
  std::string out(kIntroduction);
  out += "\n## Static configuration\n";
  add_tables(static_keys(), out);
  out += kStaticEnd;
  out += "\n## Dynamic configuration\n";
  add_tables(dynamic_keys(), out);
  out += "\n## Traefik's other keys\n";
  add_list("Not supported yet: an error, in lenient mode a warning.", KeyInfo::Use::kUnsupported, out);
  add_list(
      "Not supported yet, and passed over in lenient mode since nothing is served unprotected without them:",
      KeyInfo::Use::kWithoutEffect, out);
  add_list("Accepted without effect:", KeyInfo::Use::kIgnored, out);
  return out;
}

}  // namespace limpet::config
