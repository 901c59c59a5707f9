#include "config/json.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/units.h"
#include "config/describe_dynamic.h"
#include "config/describe_static.h"

namespace limpet::config {

/// The visitor that writes one struct as a JSON object.
class JsonWriter {
 public:
  using Json = nlohmann::ordered_json;

  /// `defaults` is the default struct with nothing left out; null to leave nothing out now.
  explicit JsonWriter(const Json* defaults) : defaults_(defaults) {}

  [[nodiscard]] Json take() { return std::move(out_); }

  template <class T>
  void field(const Meta& meta, const T& member, Range /*range*/ = {}) {
    put(meta, value_of(member));
  }

  void bytes(const Meta& meta, std::uint64_t member) { put(meta, member); }

  template <class T, class N, std::size_t kCount>
  void choice(const Meta& meta, const T& member, const std::array<Name<N>, kCount>& names) {
    for (const Name<N>& name : names) {
      if (T(name.value) == member) return put(meta, std::string(name.name));
    }
  }

  template <class T>
  void coded(const Meta& meta, const std::vector<T>& member, const Codec<T>& codec) {
    Json list = Json::array();
    for (const T& item : member) list.push_back(codec.print(item));
    put(meta, std::move(list));
  }

  template <class Body>
  void group(const Meta& meta, Body body) {
    JsonWriter inner(defaults_ == nullptr ? nullptr : &defaults_->at(std::string(meta.key)));
    body(inner);
    Json members = inner.take();
    if (defaults_ == nullptr || !members.empty()) out_[std::string(meta.key)] = std::move(members);
  }

  template <class... Kinds, class... Alternatives>
  void one_of(const std::variant<Kinds...>& member, const Alternative<Alternatives>&... alternatives) {
    (put_alternative(member, alternatives), ...);
  }

  void keep_place(std::string_view /*key*/, const base::SourcePlace& /*place*/) {}
  void unsupported(std::initializer_list<std::string_view> /*keys*/) {}
  void without_effect(std::initializer_list<std::string_view> /*keys*/) {}
  void ignored(std::initializer_list<std::string_view> /*keys*/) {}

  template <class T>
  static Json write(const T& value) {
    JsonWriter writer(&defaults_of<T>());
    describe(writer, value);
    return writer.take();
  }

 private:
  template <class T>
  static const Json& defaults_of() {
    static const Json defaults = [] {
      JsonWriter writer(nullptr);
      const T value{};
      describe(writer, value);
      return writer.take();
    }();
    return defaults;
  }

  template <class T>
  [[nodiscard]] Json value_of(const T& value) const {
    if constexpr (std::is_same_v<T, base::Duration>) {
      return base::format_duration(value);
    } else if constexpr (Optional<T>) {
      return value ? value_of(*value) : Json();
    } else if constexpr (Vector<T>) {
      Json list = Json::array();
      for (const auto& item : value) list.push_back(value_of(item));
      return list;
    } else if constexpr (Map<T>) {
      Json map = value.empty() ? Json() : Json::object();
      for (const auto& [name, item] : value) map[name] = value_of(item);
      return map;
    } else if constexpr (Struct<T>) {
      return write(value);
    } else {
      return value;
    }
  }

  /// What Go's omitempty leaves out; a group that is there stays even if it is empty.
  [[nodiscard]] static bool is_empty(const Json& value) {
    if (value.is_string()) return value.get_ref<const std::string&>().empty() || value == "0s";
    return value.is_null() || value == 0 || value == false || (value.is_array() && value.empty());
  }

  void put(const Meta& meta, Json value) {
    std::string key(meta.key);
    if (defaults_ == nullptr) {
      out_[std::move(key)] = std::move(value);
      return;
    }
    if ((meta.traits & trait::kSecret) != 0) return;
    const bool quiet = (meta.traits & (trait::kOwn | trait::kQuiet)) != 0;
    const bool always = (meta.traits & trait::kAlways) != 0;
    if (quiet ? value == defaults_->at(key) : !always && is_empty(value)) return;
    out_[std::move(key)] = std::move(value);
  }

  template <class Variant, class T>
  void put_alternative(const Variant& member, const Alternative<T>& alternative) {
    if (const T* kind = std::get_if<T>(&member)) out_[std::string(alternative.meta.key)] = write(*kind);
  }

  const Json* defaults_;
  Json out_ = Json::object();
};

/// The visitor that finds the key of what a variant holds.
class KindFinder {
 public:
  [[nodiscard]] std::string_view found() const noexcept { return found_; }

  template <class... Kinds, class... Alternatives>
  void one_of(const std::variant<Kinds...>& member, const Alternative<Alternatives>&... alternatives) {
    ((std::holds_alternative<Alternatives>(member) ? void(found_ = alternatives.meta.key) : void()), ...);
  }
  void unsupported(std::initializer_list<std::string_view> /*keys*/) {}
  void without_effect(std::initializer_list<std::string_view> /*keys*/) {}

 private:
  std::string_view found_;
};

nlohmann::ordered_json to_json(const Router& router) {
  return JsonWriter::write(router);
}

nlohmann::ordered_json to_json(const Service& service) {
  return JsonWriter::write(service);
}

nlohmann::ordered_json to_json(const Middleware& middleware) {
  return JsonWriter::write(middleware);
}

nlohmann::ordered_json to_json(const EntryPoint& entry_point) {
  return JsonWriter::write(entry_point);
}

std::string_view kind_of(const Service& service) {
  KindFinder finder;
  describe(finder, service);
  return finder.found();
}

std::string_view kind_of(const Middleware& middleware) {
  KindFinder finder;
  describe(finder, middleware);
  return finder.found();
}

}  // namespace limpet::config
