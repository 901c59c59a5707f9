#include "unit/config/documentation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace limpet::config {
namespace {

/// LIMPET_WRITE_DOCS=1 in the environment writes the page instead of comparing it.
TEST(Documentation, ConfigurationPageIsUpToDate) {
  const std::string path = std::string(LIMPET_SOURCE_DIR) + "/docs/configuration.md";
  const std::string wanted = configuration_document();
  if (std::getenv("LIMPET_WRITE_DOCS") != nullptr) std::ofstream(path) << wanted;
  std::ifstream file(path);
  const std::string found{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(found, wanted)
      << "run LIMPET_WRITE_DOCS=1 test_config --gtest_filter='Documentation.*' and commit the page";
}

}  // namespace
}  // namespace limpet::config
