#include "config/bind.h"
#include "config/binder.h"
#include "config/describe_dynamic.h"

#include "config/validate.h"

namespace limpet::config {
namespace {

template <class T>
void check_names(const std::map<std::string, T>& objects, std::string_view kind, base::Diagnostics& out) {
  for (const auto& [name, object] : objects) {
    if (auto problem = name_problem(name)) {
      out.error(object.place, fmt::format("http.{}.{}", kind, name), std::move(*problem));
    }
  }
}

}  // namespace

Dynamic bind_dynamic(const Node& node, const BindOptions& options, base::Diagnostics& out) {
  BindContext context{.out = out, .lenient = options.lenient};
  Dynamic dynamic;
  Binder::bind_struct(node, node.place, dynamic, "", context);
  check_names(dynamic.routers, "routers", out);
  check_names(dynamic.services, "services", out);
  check_names(dynamic.middlewares, "middlewares", out);
  return dynamic;
}

}  // namespace limpet::config
