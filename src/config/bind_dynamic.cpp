#include "config/bind.h"
#include "config/binder.h"
#include "config/describe_dynamic.h"

namespace limpet::config {

Dynamic bind_dynamic(const Node& node, const BindOptions& options, base::Diagnostics& out) {
  BindContext context{.out = out, .lenient = options.lenient};
  Dynamic dynamic;
  Binder::bind_struct(node, node.place, dynamic, "", context);
  return dynamic;
}

}  // namespace limpet::config
