#include "config/check.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace limpet::config {
namespace {

class Check : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "limpet-check-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name + "/";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(directory_ + name).parent_path());
    std::ofstream(directory_ + name) << text;
    return directory_ + name;
  }
  std::string shown(const Checked& checked) const {
    std::string text = checked.problems.text();
    for (std::size_t at = text.find(directory_); at != std::string::npos; at = text.find(directory_)) {
      text.erase(at, directory_.size());
    }
    return text;
  }

  std::string directory_;
};

TEST_F(Check, TellsStaticFromDynamicFiles) {
  const std::vector<std::string> files{
      write("limpet.yml", "entryPoints: {web: {address: ':80'}}\n"),
      write("dynamic.toml", "[http.routers.a]\nrule = 'x'\nservice = 's'\n"),
      write("conf/more.yml", "http: {routers: {b: {rule: x, service: s}}}\n")};
  const Checked checked = check_files(files, false);
  EXPECT_EQ(shown(checked), "");
  ASSERT_TRUE(checked.settings);
  EXPECT_TRUE(checked.settings->entry_points.contains("web"));
  EXPECT_EQ(checked.dynamic.routers.size(), 2U);
}

TEST_F(Check, ReportsEveryProblemOfEveryFile) {
  write("conf/a.yml", "http: {routers: {b: {rule: x, service: s, zz: 1}}}\n");
  write("conf/b.yml", "http: {routers: {b: {rule: x, service: s}}}\n");
  const std::vector<std::string> files{write("limpet.yml", "entryPoints: {web: {address: x}}\nlogg: {}\n"),
                                       directory_ + "conf", directory_ + "none.yml",
                                       write("broken.yml", "http: [\n"), write("t.yml", "http: {{ x }}\n")};
  EXPECT_EQ(shown(check_files(files, false)),
            "limpet.yml:1:30: error: entryPoints.web.address: expected host:port, :port, [::1]:port or "
            "unix:/path, got "
            "\"x\"\n"
            "limpet.yml:2:1: error: logg: unknown key, did you mean log?\n"
            "conf/a.yml:1:43: error: http.routers.b.zz: unknown key, known here: entryPoints, middlewares, "
            "service, rule, "
            "priority\n"
            "conf/b.yml:1:18: error: http.routers.b: defined at conf/a.yml:1:18 already\n"
            "none.yml: error: cannot be read: No such file or directory\n"
            "broken.yml:2:1: error: not valid YAML: end of sequence flow not found\n"
            "t.yml:1:7: error: Go template syntax {{ }} is not supported: write the values out\n");
}

TEST_F(Check, LenientIsTheFilesOwnBusinessIfItSaysSo) {
  const std::vector<std::string> lenient{write("a.yml", "compat: {lenient: true}\nfoo: 1\n")};
  EXPECT_FALSE(check_files(lenient, false).problems.has_errors());
  const std::vector<std::string> strict{write("b.yml", "compat: {lenient: false}\nfoo: 1\n")};
  EXPECT_TRUE(check_files(strict, true).problems.has_errors());
}

}  // namespace
}  // namespace limpet::config
