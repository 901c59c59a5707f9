#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "admin/api_router.h"
#include "api_fixture.h"
#include "base/text.h"
#include "schema_check.h"

namespace limpet::admin {
namespace {

using testing::IsEmpty;

/// docs/openapi.yaml against what is answered.
class OpenApi : public ApiFixture {
 protected:
  /// A path with its parameter filled in: with the example documented, or a server's id.
  std::string filled(std::string path, const YAML::Node& operation, bool unknown) {
    for (std::size_t open = path.find('{'); open != std::string::npos; open = path.find('{')) {
      const std::string name = path.substr(open + 1, path.find('}') - open - 1);
      std::string value = id("webapp@docker", "http://172.20.0.2:3000");
      for (const YAML::Node& each : operation["parameters"]) {
        const YAML::Node parameter = resolved(document, each);
        if (parameter["name"].as<std::string>() == name && parameter["example"]) {
          value = parameter["example"].as<std::string>();
        }
      }
      path.replace(open, name.size() + 2, unknown ? "gone" : value);
    }
    return path;
  }

  /// A request as documented, with the example of its body.
  routing::InternalAnswer ask_as_documented(std::string method, const std::string& target,
                                            const YAML::Node& operation) {
    std::ranges::transform(method, method.begin(), [](unsigned char c) { return std::toupper(c); });
    routing::InternalRequest made = request(method, target);
    if (const YAML::Node body = operation["requestBody"]) {
      made.body = body["content"]["application/json"]["example"].as<std::string>();
    }
    return answered(made);
  }

  void expect_as_documented(const routing::InternalAnswer& answer, const YAML::Node& operation,
                            const std::string& where) {
    const YAML::Node response = resolved(document, operation["responses"][std::to_string(answer.status)]);
    ASSERT_TRUE(response.IsDefined()) << where << ": status " << answer.status << " is not documented";
    const std::string type = field(answer, "Content-Type");
    const YAML::Node content = response["content"][type.substr(0, type.find(';'))];
    ASSERT_TRUE(content.IsDefined()) << where << ": " << type << " is not documented";
    if (type == "application/json") {
      EXPECT_THAT(schema_mistakes(document, content["schema"], Json::parse(answer.body), where), IsEmpty());
    }
    for (const auto& header : response["headers"]) {
      EXPECT_NE(field(answer, header.first.as<std::string>()), "none") << where;
    }
  }

  YAML::Node document = YAML::LoadFile(LIMPET_SOURCE_DIR "/docs/openapi.yaml");
};

TEST_F(OpenApi, EveryPathIsAnsweredAsDocumented) {
  state.providers["file"].problems.warning({"dynamic.yml", 1, 1}, "http", "nothing here");
  scale_chat();
  std::size_t asked = 0;
  for (const auto& path : document["paths"]) {
    for (const auto& operation : path.second) {
      const auto method = operation.first.as<std::string>();
      const std::string target = filled(path.first.as<std::string>(), operation.second, false);
      const routing::InternalAnswer answer = ask_as_documented(method, target, operation.second);
      EXPECT_EQ(answer.status, 200) << target;
      expect_as_documented(answer, operation.second, method + " " + target);
      ++asked;
    }
  }
  EXPECT_EQ(asked, api_endpoints().size() + 2);
}

TEST_F(OpenApi, UnknownNamesAreAnsweredAsDocumented) {
  for (const auto& path : document["paths"]) {
    for (const auto& operation : path.second) {
      const std::string target = filled(path.first.as<std::string>(), operation.second, true);
      if (target == path.first.as<std::string>()) continue;
      const routing::InternalAnswer answer =
          ask_as_documented(operation.first.as<std::string>(), target, operation.second);
      EXPECT_EQ(answer.status, 404) << target;
      expect_as_documented(answer, operation.second, target);
    }
  }
}

TEST_F(OpenApi, EveryEndpointIsDocumented) {
  for (const ApiEndpoint& endpoint : api_endpoints()) {
    std::string path(endpoint.path);
    if (path.starts_with("/api/servers/")) path.replace(path.find("{name}"), 6, "{id}");
    if (path.starts_with("/api/placements/")) path.replace(path.find("{name}"), 6, "{service}");
    if (path.starts_with("/api/scaling/")) path.replace(path.find("{name}"), 6, "{service}");
    const YAML::Node operation = document["paths"][path][base::to_lower(endpoint.method)];
    EXPECT_TRUE(operation.IsDefined()) << endpoint.method << " " << path;
  }
}

TEST_F(OpenApi, RefusalsAreAnsweredAsDocumented) {
  state.settings.api->token = "secret";
  expect_as_documented(ask("GET", "/api/servers"), document["paths"]["/api/servers"]["get"],
                       "without a token");
  state.settings.api->token.clear();
  routing::InternalRequest foreign = request("GET", "/api/servers");
  foreign.host = "evil.example";
  expect_as_documented(answered(foreign), document["paths"]["/api/servers"]["get"], "foreign name");
  expect_as_documented(ask("GET", "/api/http/routers?page=0"), document["paths"]["/api/http/routers"]["get"],
                       "page 0");
  state.stopping = true;
  expect_as_documented(ask("GET", "/ping"), document["paths"]["/ping"]["get"], "stopping");
}

TEST_F(OpenApi, PlacementsThatAreRefusedAreAnsweredAsDocumented) {
  const auto place = [this](std::string body, std::uint16_t status) {
    routing::InternalRequest made = request("POST", "/api/placements");
    made.body = std::move(body);
    const routing::InternalAnswer answer = answered(made);
    EXPECT_EQ(answer.status, status) << answer.body;
    expect_as_documented(answer, document["paths"]["/api/placements"]["post"], made.body);
  };
  place("[", 400);
  place(R"({"service": "nobody", "key": "k"})", 404);
  place(R"({"service": "other", "key": "k", "seats": 11})", 503);
  place(R"({"service": "other", "key": "k", "seats": 10})", 200);
  place(R"({"service": "other", "key": "k", "seats": 11})", 409);
}

TEST_F(OpenApi, HasTheVersionOfTheProgram) {
  EXPECT_EQ(document["info"]["version"].as<std::string>(), LIMPET_VERSION);
}

}  // namespace
}  // namespace limpet::admin
