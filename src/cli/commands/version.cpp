#include "cli/commands/version.h"

#include <fmt/format.h>

#include <string_view>

#include "cli/json_line.h"

namespace limpet::cli {
namespace {

#if defined(__x86_64__)
constexpr std::string_view kPlatform = "linux/amd64";
#elif defined(__aarch64__)
constexpr std::string_view kPlatform = "linux/arm64";
#else
constexpr std::string_view kPlatform = "linux";
#endif

}  // namespace

int version(const Call& call) {
  const std::string compiler =
      fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
  if (call.arguments.has("json")) {
    call.console.out << json_line(
        {{"version", LIMPET_VERSION}, {"platform", kPlatform}, {"compiler", compiler}});
  } else {
    call.console.out << fmt::format("limpet {} ({}, {})\n", LIMPET_VERSION, kPlatform, compiler);
  }
  return kExitFine;
}

}  // namespace limpet::cli
