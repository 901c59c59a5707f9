#include "providers/rule_template.h"

#include <gtest/gtest.h>

#include <string>

#include "providers/names.h"

namespace limpet::providers {
namespace {

const TemplateModel kModel{.name = "node-app",
                           .container_name = "demo_nodeapp_1",
                           .labels = {{"com.docker.compose.service", "nodeapp"}, {"stage", "live"}}};

std::string render(std::string_view text) {
  const auto parsed = RuleTemplate::parse(text);
  return parsed ? parsed->render(kModel)
                : std::to_string(parsed.error().offset) + ": expected " + parsed.error().expected;
}

TEST(RuleTemplate, RendersTheDefault) {
  EXPECT_EQ(render("Host(`{{ normalize .Name }}`)"), "Host(`node-app`)");
}

TEST(RuleTemplate, KnowsFieldsLabelsAndFunctions) {
  EXPECT_EQ(render("plain"), "plain");
  EXPECT_EQ(render(""), "");
  EXPECT_EQ(render("{{.Name}}.{{ .ContainerName }}"), "node-app.demo_nodeapp_1");
  EXPECT_EQ(render(R"(Host(`{{ index .Labels "com.docker.compose.service" }}.example.org`))"),
            "Host(`nodeapp.example.org`)");
  EXPECT_EQ(render("{{ .Labels.stage }}{{ .Labels.none }}"), "live");
  EXPECT_EQ(render(R"({{ trimPrefix "demo_" .ContainerName }})"), "nodeapp_1");
  EXPECT_EQ(render(R"({{ trimPrefix `demo_` .ContainerName | trimSuffix "_1" | upper }})"), "NODEAPP");
  EXPECT_EQ(render(R"({{ normalize (trimPrefix "demo" .ContainerName) }})"), "nodeapp-1");
  EXPECT_EQ(render(R"({{ replace "_" "." .ContainerName }})"), "demo.nodeapp.1");
  EXPECT_EQ(render(R"({{ .Labels.none | default "other" }})"), "other");
  EXPECT_EQ(render(R"({{ print "a\"b" true (eq .Name "x" "node-app") }})"), "a\"btruetrue");
  EXPECT_EQ(render(R"({{ and .Name "" }}{{ or "" .Name }}{{ not .Name }})"), "node-appfalse");
  EXPECT_EQ(render(R"({{ contains "de" .Name }} {{ hasPrefix "node" .Name }} {{ hasSuffix "x" .Name }})"),
            "true true false");
}

TEST(RuleTemplate, Chooses) {
  EXPECT_EQ(render("{{ if .Labels.stage }}yes{{ else }}no{{ end }}"), "yes");
  EXPECT_EQ(render("{{ if .Labels.none }}yes{{ end }}."), ".");
  EXPECT_EQ(render(R"({{ if eq .Name "a" }}1{{ else if eq .Name "node-app" }}2{{ else }}3{{ end }}!)"), "2!");
  EXPECT_EQ(render("{{if .Name}}{{if .Labels.none}}a{{else}}b{{end}}{{end}}"), "b");
}

TEST(RuleTemplate, TrimsAndPassesOverComments) {
  EXPECT_EQ(render("a  {{- .Name -}}  b"), "anode-appb");
  EXPECT_EQ(render("a {{/* why */}} b{{- /* x */ -}} c"), "a  bc");
}

TEST(RuleTemplate, SaysWhatItDoesNotKnow) {
  EXPECT_EQ(render("Host(`{{ .Nam }}`)"), "9: expected .Name, .ContainerName or .Labels");
  EXPECT_TRUE(render("{{ regexFind .Name }}").starts_with("3: expected one of the functions index, "));
  EXPECT_TRUE(render("{{ range .Labels }}x{{ end }}").starts_with("3: expected one of the functions "));
  EXPECT_EQ(render("{{ trimPrefix .Name }}"), "3: expected trimPrefix with 2 values");
  EXPECT_EQ(render("{{ .Name"), "8: expected }}");
  EXPECT_EQ(render("{{ if .Name }}a"), "15: expected {{ end }}");
  EXPECT_EQ(render("a{{ end }}"), "10: expected if before it");
  EXPECT_EQ(render("{{ if .Name }}{{ else }}{{ else }}{{ end }}"), "31: expected end");
  EXPECT_EQ(render("{{ \"abc }}"), "3: expected a text that ends with its quote");
  EXPECT_TRUE(render("{{ .Name | .Name }}").starts_with("11: expected a function: "));
  EXPECT_TRUE(render(std::string(200, '(')).starts_with("((("));
  EXPECT_EQ(render("{{ " + std::string(200, '(')), "32: expected less nesting");
  EXPECT_EQ(render("{{/* never"), "2: expected */}}");
}

TEST(Names, AreNormalizedAsInTraefik) {
  EXPECT_EQ(normalize("nodeapp_demo"), "nodeapp-demo");
  EXPECT_EQ(normalize("/Go Web--App/"), "Go-Web-App");
  EXPECT_EQ(normalize("---"), "");
  EXPECT_EQ(normalize("caf\xc3\xa9.1"), "caf\xc3\xa9-1");
}

}  // namespace
}  // namespace limpet::providers
