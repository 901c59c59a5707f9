#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/effective.h"

namespace limpet::config {
namespace {

using namespace std::chrono_literals;

class Load : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "limpet-load-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  std::expected<Loaded, base::Diagnostics> load(const std::vector<std::string>& args,
                                                const std::vector<std::string>& environment = {}) {
    return load_static(args, environment, {.directories = std::vector<std::string>{directory_}});
  }

  std::string errors(const std::vector<std::string>& args, const std::vector<std::string>& environment = {}) {
    const auto loaded = load(args, environment);
    if (loaded) return "no error";
    std::string text = loaded.error().text();
    for (std::size_t at = text.find(directory_); at != std::string::npos; at = text.find(directory_)) {
      text.erase(at, directory_.size() + 1);
    }
    return text;
  }

  std::string directory_;
};

TEST_F(Load, NothingConfiguredMeansOneEntryPoint) {
  const auto loaded = load({});
  ASSERT_TRUE(loaded) << loaded.error().text();
  ASSERT_EQ(loaded->settings.entry_points.size(), 1U);
  EXPECT_EQ(loaded->settings.entry_points.at("http").address, ":80");
  EXPECT_FALSE(loaded->settings.api);
  EXPECT_TRUE(loaded->files.empty());
  EXPECT_FALSE(loaded->settings.compat_lenient);
}

TEST_F(Load, TraefiksOwnFlags) {
  const auto loaded = load({"--api.insecure=true", "--providers.file.filename=dynamic.yml"});
  ASSERT_TRUE(loaded) << loaded.error().text();
  const Static& settings = loaded->settings;
  EXPECT_EQ(settings.entry_points.at("traefik").address, ":8080");
  EXPECT_EQ(settings.entry_points.at("http").address, ":80");
  ASSERT_TRUE(settings.api && settings.providers.file);
  EXPECT_TRUE(settings.api->insecure);
  EXPECT_TRUE(settings.api->dashboard);
  EXPECT_TRUE(settings.api->address.empty());
  EXPECT_EQ(settings.providers.file->filename, "dynamic.yml");
  EXPECT_TRUE(settings.providers.file->watch);
  EXPECT_EQ(settings.providers.throttle_duration, 2s);
}

TEST_F(Load, FlagsBeatEnvironmentBeatsFile) {
  write("limpet.yml",
        "log: {level: ERROR, format: json, filePath: /f}\nentryPoints: {Web: {address: ':1', transport: "
        "{keepAliveMaxRequests: 3}}}\n");
  const auto loaded = load({"--log.level=DEBUG"}, {"LIMPET_LOG_LEVEL=WARN", "LIMPET_LOG_FILEPATH=/e",
                                                   "LIMPET_ENTRYPOINTS_WEB_ADDRESS=:2"});
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->settings.log.level, base::LogLevel::kDebug);
  EXPECT_EQ(loaded->settings.log.file, "/e");
  EXPECT_TRUE(loaded->settings.log.json);
  ASSERT_TRUE(loaded->settings.entry_points.contains("Web"));
  EXPECT_EQ(loaded->settings.entry_points.at("Web").address, ":2");
  EXPECT_EQ(loaded->settings.entry_points.at("Web").transport.keep_alive_max_requests, 3U);
  EXPECT_EQ(loaded->files, std::vector<std::string>{directory_ + "/limpet.yml"});
}

TEST_F(Load, ReadsTheWholeStaticModelFromToml) {
  const std::string path = write("s.toml", R"([entryPoints.web]
address = "127.0.0.1:8000"
maxHeadFields = 50
[entryPoints.web.http]
maxHeaderBytes = "32k"
middlewares = ["auth@file"]
[entryPoints.web.http.redirections.entryPoint]
to = "secure"
[entryPoints.web.transport.lifeCycle]
graceTimeOut = "5s"
[entryPoints.web.transport.respondingTimeouts]
readTimeout = 30
[entryPoints.web.proxyProtocol]
trustedIPs = ["10.0.0.0/8"]
[entryPoints.secure]
address = "[::1]:8443"
asDefault = true
[api]
token = "t"
[ping]
entryPoint = "web"
[metrics.prometheus]
buckets = [0.5, 1]
entryPoint = "web"
[accessLog]
format = "genericclf"
[dataPath]
threads = 2
[shutdown]
tunnelGrace = "1m"
[providers]
providersThrottleDuration = "0s"
)");
  const auto loaded = load({"--configFile", path});
  ASSERT_TRUE(loaded) << loaded.error().text();
  const EntryPoint& web = loaded->settings.entry_points.at("web");
  EXPECT_EQ(web.max_head_bytes, 32U * 1024U);
  EXPECT_EQ(web.max_head_fields, 50U);
  EXPECT_EQ(web.middlewares, std::vector<std::string>{"auth@file"});
  ASSERT_TRUE(web.redirection && web.proxy_protocol);
  EXPECT_EQ(web.redirection->to, "secure");
  EXPECT_TRUE(web.redirection->permanent);
  EXPECT_EQ(web.transport.grace_timeout, 5s);
  EXPECT_EQ(web.transport.read_timeout, 30s);
  EXPECT_EQ(loaded->settings.api->token, "t");
  EXPECT_EQ(loaded->settings.api->address, "127.0.0.1:8080");
  EXPECT_EQ(loaded->settings.prometheus->buckets, (std::vector<double>{0.5, 1}));
  EXPECT_EQ(loaded->settings.access_log->format, "genericCLF");
  EXPECT_EQ(loaded->settings.data_path.threads, 2U);
  EXPECT_EQ(loaded->settings.shutdown.tunnel_grace, 1min);
  EXPECT_EQ(loaded->settings.providers.throttle_duration, 0s);
  EXPECT_EQ(default_entry_points(loaded->settings), std::vector<std::string>{"secure"});
}

TEST_F(Load, LimpetsFileComesBeforeTraefiks) {
  write("traefik.yml", "log: {level: DEBUG}\n");
  EXPECT_EQ(load({})->files, std::vector<std::string>{directory_ + "/traefik.yml"});
  write("limpet.toml", "");
  EXPECT_EQ(load({})->files, std::vector<std::string>{directory_ + "/limpet.toml"});
}

TEST_F(Load, ReadsTheDockerProvidersFlags) {
  EXPECT_FALSE(load({})->settings.providers.docker);
  EXPECT_FALSE(load({"--providers.docker=false"})->settings.providers.docker);
  for (const char* flag : {"--providers.docker", "--providers.docker=true", "--Providers.Docker"}) {
    const auto loaded = load({flag});
    ASSERT_TRUE(loaded) << loaded.error().text();
    ASSERT_TRUE(loaded->settings.providers.docker) << flag;
    EXPECT_EQ(*loaded->settings.providers.docker, DockerProvider());
  }
  const auto loaded =
      load({"--providers.docker", "--providers.docker.exposedbydefault=false",
            "--providers.docker.endpoint=tcp://127.0.0.1:2375", "--providers.docker.network=web",
            "--providers.docker.useBindPortIP", "--providers.docker.httpClientTimeout=5"});
  ASSERT_TRUE(loaded) << loaded.error().text();
  const DockerProvider& docker = *loaded->settings.providers.docker;
  EXPECT_FALSE(docker.exposed_by_default);
  EXPECT_EQ(docker.endpoint, "tcp://127.0.0.1:2375");
  EXPECT_EQ(docker.network, "web");
  EXPECT_TRUE(docker.use_bind_port_ip);
  EXPECT_EQ(docker.http_client_timeout, 5s);
}

TEST_F(Load, TraefiksOwnConfigurationIsReadLeniently) {
  write("traefik.yml", "global: {sendAnonymousUsage: true}\nexperimental: {plugins: {}}\nfoo: 1\n");
  const auto loaded = load({"--providers.swarm", "--log.noColor"});
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_TRUE(loaded->settings.compat_lenient);
  EXPECT_EQ(loaded->warnings.items().size(), 3U) << loaded->warnings.text();
  EXPECT_TRUE(load({}, {"TRAEFIK_LOG_LEVEL=INFO"})->settings.compat_lenient);
  EXPECT_EQ(errors({"--compat.lenient=false", "--providers.swarm"}),
            "flag --providers.swarm: error: providers.swarm: not supported yet\n"
            "traefik.yml:2:1: error: experimental: not supported yet\n"
            "traefik.yml:3:1: error: foo: unknown key, did you mean log?\n");
}

TEST_F(Load, EveryMistakeIsNamed) {
  write("limpet.yml",
        "entryPoints:\n  web:\n    adress: ':80'\n  api: {address: '80'}\n  b: {address: ':53/udp'}\n"
        "  c: {address: ':9', http: {redirections: {entryPoint: {to: wep}}, middlewares: [x]}}\n"
        "ping: {entryPoint: aip}\n"
        "metrics: {prometheus: {buckets: [1, 0.5]}}\n"
        "api: {basePath: x}\n");
  EXPECT_EQ(errors({"--log.levl=DEBUG", "--providers.file"}),
            "limpet.yml:3:5: error: entryPoints.web.adress: unknown key, did you mean address?\n"
            "limpet.yml:3:5: error: entryPoints.web.address: expected host:port, :port, [::1]:port or "
            "unix:/path, got "
            "nothing\n"
            "limpet.yml:4:19: error: entryPoints.api.address: expected host:port, :port, [::1]:port or "
            "unix:/path, got "
            "\"80\"\n"
            "limpet.yml:5:17: error: entryPoints.b.address: udp is not supported yet\n"
            "limpet.yml:6:61: error: entryPoints.c.http.redirections.entryPoint.to: no entry point is called "
            "\"wep\", "
            "did you mean web?\n"
            "limpet.yml:6:81: error: entryPoints.c.http.middlewares: expected name@provider, got \"x\"\n"
            "limpet.yml:7:20: error: ping.entryPoint: no entry point is called \"aip\", did you mean api?\n"
            "limpet.yml:8:33: error: metrics.prometheus.buckets: expected numbers above 0, each above the "
            "one before\n"
            "limpet.yml:9:17: error: api.basePath: expected a path that starts with /\n"
            "flag --log.levl: error: log.levl: unknown key, did you mean level?\n"
            "flag --providers.file: error: providers.file: expected filename or directory\n");
}

TEST_F(Load, ABatchDelayIsAMillisecondAtMost) {
  EXPECT_EQ(load({"--dataPath.batchDelay=50us"})->settings.data_path.batch_delay, 50us);
  EXPECT_EQ(load({"--dataPath.batchDelay=1ms"})->settings.data_path.batch_delay, 1ms);
  for (const char* const wrong : {"1001us", "1s"}) {
    EXPECT_THAT(errors({std::string("--dataPath.batchDelay=") + wrong}),
                testing::HasSubstr("dataPath.batchDelay: expected a time from 0 to 1ms"));
  }
}

TEST_F(Load, AConfigFileThatCannotBeReadIsAnError) {
  EXPECT_EQ(errors({"--configFile=/nonexistent.yml"}),
            "/nonexistent.yml: error: cannot be read: No such file or directory\n");
  const std::string path = write("x.json", "{}");
  EXPECT_EQ(errors({"--configfile=" + path}),
            "x.json: error: expected a file name that ends with .yml, .yaml or .toml\n");
}

TEST_F(Load, TheApiMovesAsideWhereTraefiksEntryPointTakesItsPort) {
  EXPECT_EQ(load({"--api"})->settings.api->address, "127.0.0.1:8080");
  EXPECT_EQ(load({"--api", "--ping"})->settings.api->address, "127.0.0.1:8081");
  EXPECT_EQ(load({"--api.address=127.0.0.1:1", "--ping"})->settings.api->address, "127.0.0.1:1");
}

TEST_F(Load, InternalRoutersFollowFromTheSettings) {
  const auto loaded =
      load({"--api.insecure", "--ping", "--metrics.prometheus", "--entrypoints.web.address=:1",
            "--entrypoints.web.http.redirections.entrypoint.to=secure", "--entrypoints.secure.address=:2"});
  ASSERT_TRUE(loaded) << loaded.error().text();
  const Dynamic dynamic = internal_dynamic(loaded->settings);
  std::vector<std::string> names;
  for (const auto& [name, router] : dynamic.routers)
    names.push_back(name + " " + router.rule + " " + router.service);
  EXPECT_EQ(names, (std::vector<std::string>{"api PathPrefix(`/api`) api@internal",
                                             "dashboard PathPrefix(`/`) dashboard@internal",
                                             "ping PathPrefix(`/ping`) ping@internal",
                                             "prometheus PathPrefix(`/metrics`) prometheus@internal",
                                             "web-to-secure HostRegexp(`^.+$`) noop@internal"}));
  const auto& redirect = std::get<RedirectScheme>(dynamic.middlewares.at("redirect-web-to-secure").kind);
  EXPECT_EQ(redirect, (RedirectScheme{.scheme = "https", .port = "2", .permanent = true}));
}

}  // namespace
}  // namespace limpet::config
