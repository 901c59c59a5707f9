#include "apis/docker/compose.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "apis/docker/json_access.h"
#include "base/json_text.h"
#include "base/text.h"

namespace limpet::apis::docker {
namespace {

constexpr std::string_view kProject = "com.docker.compose.project";
constexpr std::string_view kService = "com.docker.compose.service";
constexpr std::string_view kNumber = "com.docker.compose.container-number";
constexpr std::string_view kOneOff = "com.docker.compose.oneoff";
constexpr std::string_view kVersion = "com.docker.compose.version";
constexpr std::string_view kImage = "com.docker.compose.image";
/// Compose marks with it what it is about to replace.
constexpr std::string_view kReplace = "com.docker.compose.replace";
constexpr std::size_t kShortId = 12;

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

Replica::State state_of(std::string_view name) {
  if (name == "created") return Replica::State::kCreated;
  if (name == "running") return Replica::State::kRunning;
  if (name == "paused") return Replica::State::kPaused;
  if (name == "restarting") return Replica::State::kRestarting;
  if (name == "exited") return Replica::State::kEnded;
  return Replica::State::kGone;
}

/// "Up 3 seconds (healthy)", "Up 2 seconds (health: starting)".
Health health_in(std::string_view status) {
  if (status.ends_with("(health: starting)")) return Health::kStarting;
  if (status.ends_with("(healthy)")) return Health::kHealthy;
  if (status.ends_with("(unhealthy)")) return Health::kUnhealthy;
  return Health::kNone;
}

/// "Exited (1) 3 seconds ago" without the time, which no reader of a log needs.
std::string without_time(std::string_view status) {
  const std::size_t end = status.find(')');
  return std::string(status.starts_with("Exited") && end != std::string_view::npos ? status.substr(0, end + 1)
                                                                                   : status);
}

Replica replica_of(const Json& row) {
  Replica replica;
  replica.id = text_at(row, "Id");
  if (const Json& names = at(row, "Names"); names.is_array() && !names.empty()) {
    replica.name = without_slash(text_of(names.front()));
  }
  replica.image_id = text_at(row, "ImageID");
  const std::string status = text_at(row, "Status");
  replica.status = without_time(status);
  replica.health = health_in(status);
  replica.state = state_of(text_at(row, "State"));
  if (const Json& created = at(row, "Created"); created.is_number_integer()) {
    replica.created = created.get<std::int64_t>();
  }
  const auto labels = texts_at(row, "Labels");
  const auto number = labels.find(std::string(kNumber));
  if (number != labels.end()) replica.number = number_of<std::uint32_t>(number->second).value_or(0);
  if (const Json& networks = at(at(row, "NetworkSettings"), "Networks"); networks.is_object()) {
    for (const auto& [name, settings] : networks.items()) {
      replica.networks.push_back({.name = name,
                                  .ipv4 = text_at(settings, "IPAddress"),
                                  .ipv6 = text_at(settings, "GlobalIPv6Address")});
    }
  }
  if (const Json& ports = at(row, "Ports"); ports.is_array()) {
    for (const Json& port : ports) {
      const Json& number_there = at(port, "PublicPort");
      if (text_at(port, "Type") != "tcp" || !number_there.is_number_unsigned()) continue;
      replica.bindings.push_back(
          {.host_ip = text_at(port, "IP"), .host_port = number_there.get<std::uint16_t>()});
    }
  }
  return replica;
}

/// Whether the volume got its name from the Engine, since nobody gave it one.
bool is_anonymous(std::string_view volume) {
  constexpr std::size_t kLength = 64;
  return volume.size() == kLength &&
         std::ranges::all_of(volume, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool has_network_of_its_own(std::string_view mode) {
  return mode != "host" && mode != "none" && !mode.starts_with("container:");
}

/// A network that somebody made, where containers have aliases.
bool is_named_network(std::string_view name) {
  return !name.empty() && name != "default" && name != "bridge" && has_network_of_its_own(name);
}

/// Makes one more container like an inspected one.
class ReplicaMaker {
 public:
  ReplicaMaker(const Json& inspected, std::uint32_t number, const ReplicaImage& image)
      : inspected_(inspected),
        labels_(texts_at(at(inspected, "Config"), "Labels")),
        id_(text_at(inspected, "Id")),
        old_name_(without_slash(text_at(inspected, "Name"))),
        mode_(text_at(at(inspected, "HostConfig"), "NetworkMode")),
        number_(number),
        image_(image) {}

  [[nodiscard]] NewReplica make() {
    NewReplica made{.name = name(), .body = {}, .connections = {}};
    body_ = at(inspected_, "Config");
    if (!image_.before.empty()) take_out_image(at(parse_json(image_.before), "Config"));
    body_["Image"] = image_.name;
    body_["HostConfig"] = at(inspected_, "HostConfig");
    adapt_labels();
    adapt_host_name();
    adapt_volumes();
    adapt_links();
    adapt_networks(made);
    made.body = body_.dump(-1, ' ', false, Json::error_handler_t::replace);
    return made;
  }

 private:
  [[nodiscard]] std::string label(std::string_view key) const {
    const auto found = labels_.find(std::string(key));
    return found == labels_.end() ? std::string() : found->second;
  }

  /// "demo_web_1" by Compose 1, "demo-web-1" by Compose 2.
  [[nodiscard]] std::string name() const {
    const std::string_view old = old_name_;
    const std::size_t digits = old.find_last_not_of("0123456789");
    const bool is_numbered = digits != std::string_view::npos && digits + 1 < old.size();
    char between = label(kVersion).starts_with("1.") ? '_' : '-';
    if (is_numbered && (old[digits] == '_' || old[digits] == '-')) between = old[digits];
    std::string project = label(kProject);
    project.erase(0, project.find_first_not_of("-_"));
    return fmt::format("{}{}{}{}{}", project, between, label(kService), between, number_);
  }

  /// Leaves only what the container's own settings say.
  void take_out_image(const Json& image) {
    if (at(body_, "Entrypoint") == at(image, "Entrypoint")) {
      body_.erase("Entrypoint");
      if (at(body_, "Cmd") == at(image, "Cmd")) body_.erase("Cmd");
    }
    for (const char* key : {"WorkingDir", "User", "StopSignal", "Shell", "Healthcheck", "OnBuild"}) {
      if (at(body_, key) == at(image, key)) body_.erase(key);
    }
    for (const char* key : {"Labels", "Volumes", "ExposedPorts"}) {
      const Json& defaults = at(image, key);
      if (!defaults.is_object() || !at(body_, key).is_object()) continue;
      for (const auto& [name, value] : defaults.items()) {
        if (at(body_[key], name) == value) body_[key].erase(name);
      }
    }
    const Json& variables = at(image, "Env");
    if (!variables.is_array() || !at(body_, "Env").is_array()) return;
    Json own = Json::array();
    for (const Json& variable : body_["Env"]) {
      if (std::ranges::find(variables, variable) == variables.end()) own.push_back(variable);
    }
    body_["Env"] = std::move(own);
  }

  void adapt_labels() {
    Json& labels = body_["Labels"];
    labels[std::string(kNumber)] = std::to_string(number_);
    labels.erase(std::string(kReplace));
    if (labels.contains(std::string(kImage))) labels[std::string(kImage)] = image_.id;
  }

  void adapt_host_name() {
    const std::string host = text_at(body_, "Hostname");
    if (host == id_.substr(0, kShortId) || !has_network_of_its_own(mode_)) body_.erase("Hostname");
    // Another container's network is what has the ports.
    if (mode_.starts_with("container:")) body_.erase("ExposedPorts");
  }

  /// A replica has volumes without a name of its own, at the same places.
  void adapt_volumes() {
    Json& host = body_["HostConfig"];
    if (!host.is_object()) host = Json::object();
    if (at(host, "Binds").is_array()) {
      Json kept = Json::array();
      for (const Json& bind : host["Binds"]) {
        const std::string text = text_of(bind);
        const std::size_t colon = text.find(':');
        if (colon == std::string::npos || !is_anonymous(std::string_view(text).substr(0, colon))) {
          kept.push_back(bind);
          continue;
        }
        const std::size_t end = text.find(':', colon + 1);
        if (!at(body_, "Volumes").is_object()) body_["Volumes"] = Json::object();
        body_["Volumes"][text.substr(colon + 1, end - colon - 1)] = Json::object();
      }
      host["Binds"] = std::move(kept);
    }
    if (!at(host, "Mounts").is_array()) return;
    for (Json& mount : host["Mounts"]) {
      if (text_at(mount, "Type") == "volume" && is_anonymous(text_at(mount, "Source"))) mount.erase("Source");
    }
  }

  /// "/demo_db_1:/demo_web_1/db" is how inspection writes what was asked for as "demo_db_1:db".
  void adapt_links() {
    if (!at(body_["HostConfig"], "Links").is_array()) return;
    for (Json& link : body_["HostConfig"]["Links"]) {
      const std::string text = text_of(link);
      const std::size_t colon = text.find(':');
      if (colon == std::string::npos) continue;
      link = fmt::format("{}:{}", without_slash(std::string_view(text).substr(0, colon)),
                         text.substr(text.rfind('/') == std::string::npos ? colon + 1 : text.rfind('/') + 1));
    }
  }

  /// The network that the container begins in is part of its making; older Engines take no others then.
  void adapt_networks(NewReplica& made) {
    const Json& networks = at(at(inspected_, "NetworkSettings"), "Networks");
    if (!networks.is_object()) return;
    for (const auto& [network, settings] : networks.items()) {
      if (!is_named_network(network)) continue;
      Json endpoint = endpoint_of(settings, made.name);
      if (network == mode_) {
        body_["NetworkingConfig"]["EndpointsConfig"][network] = std::move(endpoint);
      } else {
        made.connections.push_back(
            {.network = network, .endpoint = endpoint.dump(-1, ' ', false, Json::error_handler_t::replace)});
      }
    }
  }

  [[nodiscard]] Json endpoint_of(const Json& settings, const std::string& new_name) const {
    Json endpoint = Json::object();
    for (const char* key : {"IPAMConfig", "Links", "DriverOpts"}) {
      if (const Json& value = at(settings, key); !value.is_null()) endpoint[key] = value;
    }
    Json aliases = Json::array();
    if (const Json& given = at(settings, "Aliases"); given.is_array()) {
      for (const Json& alias : given) {
        const std::string text = text_of(alias);
        // The Engine adds the short id by itself.
        if (text == id_.substr(0, kShortId)) continue;
        aliases.push_back(text == old_name_ ? new_name : text);
      }
    }
    endpoint["Aliases"] = std::move(aliases);
    return endpoint;
  }

  const Json& inspected_;
  std::map<std::string, std::string> labels_;
  std::string id_;
  std::string old_name_;
  std::string mode_;
  std::uint32_t number_;
  const ReplicaImage& image_;
  Json body_;
};

}  // namespace

std::string label_filter(const ComposeService& of) {
  std::string text = R"("label":[)";
  base::append_json_string(text, fmt::format("{}={}", kProject, of.project));
  text += ',';
  base::append_json_string(text, fmt::format("{}={}", kService, of.service));
  return text + ']';
}

bool Replica::is_at(std::string_view host, std::uint16_t port) const noexcept {
  if (host.empty()) return false;
  return std::ranges::any_of(networks,
                             [&](const Network& each) { return each.ipv4 == host || each.ipv6 == host; }) ||
         std::ranges::any_of(
             bindings, [&](const Binding& each) { return each.host_ip == host && each.host_port == port; });
}

std::expected<std::vector<Replica>, std::string> parse_replicas(std::string_view json,
                                                                const ComposeService& of) {
  const Json tree = parse_json(json);
  if (!tree.is_array()) return std::unexpected(std::string("expected a list of containers"));
  std::vector<Replica> replicas;
  for (const Json& row : tree) {
    const Json& labels = at(row, "Labels");
    if (text_at(labels, kProject) != of.project || text_at(labels, kService) != of.service) continue;
    if (base::iequals(text_at(labels, kOneOff), "true")) continue;
    Replica replica = replica_of(row);
    if (replica.id.empty()) return std::unexpected(std::string("expected containers with Id"));
    replicas.push_back(std::move(replica));
  }
  return replicas;
}

std::expected<NewReplica, std::string> next_replica(std::string_view inspected, std::uint32_t number,
                                                    const ReplicaImage& image) {
  const Json tree = parse_json(inspected);
  const Json& labels = at(at(tree, "Config"), "Labels");
  if (text_at(tree, "Id").empty() || text_at(labels, kService).empty()) {
    return std::unexpected(std::string("expected a container of a Compose service"));
  }
  return ReplicaMaker(tree, number, image).make();
}

std::expected<ReplicaImage, std::string> image_of(std::string_view inspected) {
  const Json tree = parse_json(inspected);
  ReplicaImage image{
      .name = text_at(at(tree, "Config"), "Image"), .id = text_at(tree, "Image"), .before = {}};
  if (image.id.empty()) return std::unexpected(std::string("expected a container with an image"));
  if (image.name.empty()) image.name = image.id;
  return image;
}

int stop_seconds(std::string_view inspected) {
  constexpr int kUsual = 10;
  const Json tree = parse_json(inspected);
  const Json& seconds = at(at(tree, "Config"), "StopTimeout");
  return seconds.is_number_integer() ? seconds.get<int>() : kUsual;
}

std::string id_of(std::string_view json) {
  return text_at(parse_json(json), "Id");
}

std::string last_line(std::string_view output) {
  constexpr std::size_t kHeader = 8;  // stream, three zeros, and the size of the piece
  if (output.size() >= kHeader && output[0] >= 0 && output[0] <= 2 && output[1] == 0) {
    output.remove_prefix(kHeader);
  }
  output = base::trim(output);
  if (const std::size_t end = output.rfind('\n'); end != std::string_view::npos) {
    output.remove_prefix(end + 1);
  }
  std::string line;
  base::append_escaped(line, output.substr(0, 300));
  return line;
}

}  // namespace limpet::apis::docker
