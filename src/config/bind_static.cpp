#include "config/bind.h"
#include "config/binder.h"
#include "config/describe_static.h"

namespace limpet::config {

Static bind_static(const Node& node, const BindOptions& options, base::Diagnostics& out) {
  BindContext context{.out = out, .lenient = options.lenient};
  Static settings;
  Binder::bind_struct(node, node.place, settings, "", context);
  return settings;
}

}  // namespace limpet::config
