#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/catalogue.h"
#include "config/readers/environment.h"
#include "config/readers/flags.h"
#include "config/readers/labels.h"

namespace limpet::config {
namespace {

std::string value_at(const Node& tree, std::string_view path) {
  const Node* node = tree.find_path(path);
  return node == nullptr ? "none" : node->scalar;
}

Node flags(const std::vector<std::string>& args, base::Diagnostics& out) {
  return read_flags(args, static_flag_kind, out);
}

TEST(Flags, TakesEveryFormTraefikTakes) {
  base::Diagnostics problems;
  const Node tree =
      flags({"--api.insecure=true", "--providers.docker", "--log.level", "DEBUG", "-accesslog.filePath=/x",
             "--entrypoints.Web.address=:81", "--ping", "--providers.file.watch", "false",
             "--entryPoints.Web.forwardedHeaders.trustedIPs=10.0.0.0/8",
             "--entrypoints.web.forwardedheaders.trustedips=::1"},
            problems);
  EXPECT_TRUE(problems.empty()) << problems.text();
  EXPECT_EQ(value_at(tree, "api.insecure"), "true");
  EXPECT_EQ(value_at(tree, "providers.docker"), "true");
  EXPECT_EQ(value_at(tree, "log.level"), "DEBUG");
  EXPECT_EQ(value_at(tree, "accessLog.filePath"), "/x");
  EXPECT_EQ(value_at(tree, "entryPoints.web.address"), ":81");
  EXPECT_EQ(tree.find("entrypoints")->entries.front().key, "Web");
  EXPECT_EQ(value_at(tree, "ping"), "true");
  EXPECT_EQ(value_at(tree, "providers.file.watch"), "false");
  EXPECT_EQ(value_at(tree, "entryPoints.web.forwardedHeaders.trustedIPs"), "10.0.0.0/8,::1");
  EXPECT_EQ(tree.find_path("log.level")->place.text(), "flag --log.level");
}

TEST(Flags, ReportsWhatIsNoFlag) {
  base::Diagnostics problems;
  const Node tree = flags({"word", "--=x", "---a", "-", "--log.level"}, problems);
  EXPECT_EQ(problems.text(),
            "flags: error: expected a flag such as --log.level=DEBUG, got \"word\"\n"
            "flags: error: expected a flag such as --log.level=DEBUG, got \"--=x\"\n"
            "flags: error: expected a flag such as --log.level=DEBUG, got \"---a\"\n"
            "flags: error: expected a flag such as --log.level=DEBUG, got \"-\"\n"
            "flag --log.level: error: log.level: expected a value after it\n");
  EXPECT_TRUE(tree.entries.empty());
}

TEST(Environment, ReadsBothPrefixesAndLimpetsWins) {
  base::Diagnostics problems;
  const std::vector<std::string> variables{"PATH=/bin",
                                           "TRAEFIK_PROVIDERS_DOCKER=true",
                                           "TRAEFIK_LOG_LEVEL=INFO",
                                           "LIMPET_LOG_LEVEL=DEBUG",
                                           "LIMPET_ENTRYPOINTS_WEB_ADDRESS=:80",
                                           "traefik_log_format=json",
                                           "TRAEFIK_PORT_80_TCP_ADDR=10.0.0.1",
                                           "TRAEFIK_SERVICE_HOST=10.0.0.1",
                                           "LIMPET_ENTRYPOINT_WEB_ADDRESS=:81"};
  const EnvironmentTree read = read_environment(variables, static_roots(), problems);
  EXPECT_TRUE(read.has_traefik);
  EXPECT_EQ(value_at(read.tree, "providers.docker"), "true");
  EXPECT_EQ(value_at(read.tree, "log.level"), "DEBUG");
  EXPECT_EQ(value_at(read.tree, "log.format"), "json");
  EXPECT_EQ(value_at(read.tree, "entryPoints.web.address"), ":80");
  EXPECT_EQ(problems.text(),
            "environment LIMPET_ENTRYPOINT_WEB_ADDRESS: warning: entrypoint.web.address: not a setting, did "
            "you mean "
            "entryPoints\n");
}

TEST(Labels, BecomeATreeUnderTheirRoot) {
  const std::vector<std::pair<std::string, std::string>> labels{
      {"traefik.http.services.webapp.loadbalancer.sticky.cookie.name", "ws-session"},
      {"Traefik.Enable", "true"},
      {"traefik.http.routers.webapp.rule", "Host(`localhost`)"},
      {"traefik.http.services.webapp.loadbalancer.server.port", "3000"},
      {"com.docker.compose.project", "x"},
      {"traefik.http.routers.webapp.entrypoints", "web, admin"}};
  base::Diagnostics problems;
  Node tree = read_labels(labels, "traefik", "container web-1", problems);
  EXPECT_TRUE(problems.empty()) << problems.text();
  EXPECT_EQ(tree.take("enable").scalar, "true");
  EXPECT_EQ(value_at(tree, "http.routers.webapp.rule"), "Host(`localhost`)");
  EXPECT_EQ(value_at(tree, "http.services.webapp.loadBalancer.server.port"), "3000");
  EXPECT_EQ(tree.find_path("http.routers.webapp.rule")->place.text(), "container web-1");
  EXPECT_EQ(tree.find("com"), nullptr);
}

TEST(Labels, OrderDoesNotMatter) {
  std::vector<std::pair<std::string, std::string>> labels{
      {"traefik.http.services.a.loadbalancer.sticky", "true"},
      {"traefik.http.services.a.loadbalancer.sticky.cookie", "true"}};
  base::Diagnostics problems;
  const Node one = read_labels(labels, "traefik", "c", problems);
  std::swap(labels[0], labels[1]);
  const Node two = read_labels(labels, "traefik", "c", problems);
  EXPECT_TRUE(problems.empty()) << problems.text();
  EXPECT_EQ(value_at(one, "http.services.a.loadbalancer.sticky.cookie"), "true");
  EXPECT_EQ(value_at(two, "http.services.a.loadbalancer.sticky.cookie"), "true");
}

TEST(Catalogue, KnowsWhatFlagsTake) {
  EXPECT_EQ(static_flag_kind("api.insecure"), FlagKind::kSwitch);
  EXPECT_EQ(static_flag_kind("API"), FlagKind::kSwitch);
  EXPECT_EQ(static_flag_kind("entryPoints.anything.address"), FlagKind::kValue);
  EXPECT_EQ(static_flag_kind("entryPoints.x.http.middlewares"), FlagKind::kList);
  EXPECT_EQ(static_flag_kind("entryPoints.x.http.redirections.entryPoint.to"), FlagKind::kValue);
  EXPECT_EQ(static_flag_kind("metrics.prometheus"), FlagKind::kSwitch);
  EXPECT_EQ(static_flag_kind("nonsense"), FlagKind::kUnknown);
  EXPECT_EQ(static_flag_kind(""), FlagKind::kUnknown);
}

}  // namespace
}  // namespace limpet::config
