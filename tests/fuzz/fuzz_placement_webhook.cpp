#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "placement/webhook.h"

/// Whatever a webhook answers, reading it gives one of the servers, none, or a sentence.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace limpet;
  static const std::vector<std::string> servers = {"http://10.0.0.1:80", "http://10.0.0.2:80"};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const placement::WebhookAnswer answer = placement::read_webhook_answer(text, servers);
  if (!answer) {
    LIMPET_CHECK(!answer.error().empty());
  } else if (*answer) {
    LIMPET_CHECK(std::ranges::find(servers, **answer) != servers.end());
  }
  return 0;
}
