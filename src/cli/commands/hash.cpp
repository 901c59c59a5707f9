#include "cli/commands/hash.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "balancing/sticky.h"
#include "base/hash.h"
#include "base/text.h"
#include "cli/json_line.h"
#include "cli/table.h"

namespace limpet::cli {
namespace {

using config::CookieFormat;

/// One way of making a value of a URL.
struct Form {
  std::string_view name;
  std::optional<CookieFormat> format;  ///< nothing: FNV-1 of FNV-1, which is accepted and never issued
  std::string_view used_by;
};

constexpr auto kForms = std::to_array<Form>({
    {"fnv1a", CookieFormat::kFnv1a, "issued by Limpet, accepted by Traefik 3.0 to 3.3.3"},
    {"fnv1a-stripped", CookieFormat::kFnv1aStripped, "issued by Traefik 2.5 to 2.11"},
    {"traefik3", CookieFormat::kTraefik3, "issued by Traefik 3.0 to 3.3.3"},
    {"sha256", CookieFormat::kSha256, "issued by Traefik 3.3.4 and later"},
    {"fnv1", CookieFormat::kFnv1, "accepted by Traefik 3.3.4 and later"},
    {"fnv1-of-fnv1", std::nullopt, "accepted by Traefik 3.3.4 and later"},
    {"raw", CookieFormat::kRaw, "issued by Traefik 1.x to 2.4"},
});

std::string value_of(const Form& form, std::string_view url) {
  if (form.format) return balancing::cookie_value(url, *form.format);
  return base::hex_stripped(base::fnv1_64(balancing::cookie_value(url, CookieFormat::kFnv1)));
}

void read_urls(std::istream& in, std::vector<std::string>& out) {
  for (std::string line; std::getline(in, line);) {
    if (const std::string_view url = base::trim(line); !url.empty()) out.emplace_back(url);
  }
}

std::vector<std::string> urls_of(const Call& call) {
  std::vector<std::string> urls;
  for (const std::string& word : call.arguments.words) {
    if (word == "-") {
      read_urls(call.console.in, urls);
    } else {
      urls.push_back(word);
    }
  }
  return urls;
}

/// A slip that would give a value no server has.
void warn_of_odd(const std::vector<std::string>& urls, const Call& call) {
  for (const std::string& url : urls) {
    if (url.find("://") != std::string::npos) continue;
    call.console.err << fmt::format(
        "limpet hash: warning: {} has no scheme, a server's URL is such as http://{}\n", url, url);
  }
}

void print_json(const std::vector<std::string>& urls, std::optional<CookieFormat> format, Console& console) {
  auto list = nlohmann::ordered_json::array();
  for (const std::string& url : urls) {
    nlohmann::ordered_json entry;
    entry["url"] = url;
    if (format) {
      entry["format"] = balancing::format_name(*format);
      entry["value"] = balancing::cookie_value(url, *format);
    } else {
      for (const Form& form : kForms) entry["values"][std::string(form.name)] = value_of(form, url);
    }
    list.push_back(std::move(entry));
  }
  console.out << json_line(list);
}

void print_tables(const std::vector<std::string>& urls, Console& console) {
  bool first = true;
  for (const std::string& url : urls) {
    if (!first) console.out << '\n';
    first = false;
    Table table({{.title = ""}, {.title = ""}, {.title = ""}});
    for (const Form& form : kForms) {
      table.add({std::string(form.name), value_of(form, url), std::string(form.used_by)});
    }
    console.out << url << '\n' << table.text(2);
  }
}

void print_lines(const std::vector<std::string>& urls, CookieFormat format, Console& console) {
  for (const std::string& url : urls) {
    console.out << balancing::cookie_value(url, format);
    if (urls.size() > 1) console.out << "  " << url;
    console.out << '\n';
  }
}

}  // namespace

int hash(const Call& call) {
  // The table of commands allows these names and "all", which is none of them.
  const auto format = balancing::format_from_name(call.arguments.value("format").value_or("fnv1a"));
  const std::vector<std::string> urls = urls_of(call);
  warn_of_odd(urls, call);
  if (call.arguments.has("json")) {
    print_json(urls, format, call.console);
  } else if (format) {
    print_lines(urls, *format, call.console);
  } else {
    print_tables(urls, call.console);
  }
  return kExitFine;
}

}  // namespace limpet::cli
