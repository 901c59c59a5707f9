#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/units.h"

/// The vocabulary of descriptions. Each configuration struct is described once, by an overload of
/// `template <class V, Is<Struct> T> void describe(V& v, T& t)` in describe_dynamic.h or describe_static.h;
/// reading, printing as JSON, and the documentation are visitors of that description:
///
///   v.field(Meta, member)            a value, group, list or map by the member's type
///   v.field(Meta, member, Range)     a whole number within limits
///   v.bytes(Meta, member)            a size such as 64k
///   v.choice(Meta, member, names)    one of a few names
///   v.coded(Meta, member, Codec)     a list of texts with a form of their own
///   v.group(Meta, [&](auto& g) {})   a key whose keys are members of the same struct
///   v.one_of(variant, Alternative)   exactly one of some groups
///   v.keep_place("key", member)      where the key's value was written
///   v.unsupported({...})             Traefik's keys that Limpet does not support yet
///   v.without_effect({...})          the same, but leaving them out changes nothing a user relies on for
///   safety v.ignored({...})                 Traefik's keys that mean nothing here
namespace limpet::config {

/// Bits of Meta::traits.
namespace trait {
inline constexpr unsigned kOwn =
    1U;  ///< Limpet's own; printed in JSON only where it differs from the default
inline constexpr unsigned kAlways = 2U;   ///< printed in JSON even if it is false or zero, as Traefik does
inline constexpr unsigned kSecret = 4U;   ///< never printed
inline constexpr unsigned kQuiet = 8U;    ///< printed in JSON only where it differs from the default
inline constexpr unsigned kSigned = 16U;  ///< a duration that may be negative
}  // namespace trait

/// What is known about a key apart from its value.
struct Meta {
  std::string_view key;         ///< in Traefik's spelling
  std::string_view doc = {};    ///< one sentence without a full stop
  unsigned traits = 0;          ///< of trait::
  std::string_view alias = {};  ///< another key for the same
};

/// Limits of a whole number, both allowed.
struct Range {
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

/// The names of some values; the first name of a value is the one printed.
template <class T>
struct Name {
  std::string_view name;
  T value;
};

/// How a value of a list is written as a text.
template <class T>
struct Codec {
  std::expected<T, base::ParseError> (*parse)(std::string_view);
  std::string (*print)(const T&);
  std::string_view form;  ///< for the documentation, for example "cookie, sid, query:NAME"
};

/// One of the groups of a variant.
template <class T>
struct Alternative {
  using Type = T;
  Meta meta;
};

template <class T, class Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

template <class T>
concept HasPlace = requires(T& t) { t.place; };

template <class T>
struct Shape {
  static constexpr bool kOptional = false, kVector = false, kMap = false;
};
template <class T>
struct Shape<std::optional<T>> : Shape<void> {
  static constexpr bool kOptional = true;
};
template <class T>
struct Shape<std::vector<T>> : Shape<void> {
  static constexpr bool kVector = true;
};
template <class T>
struct Shape<std::map<std::string, T>> : Shape<void> {
  static constexpr bool kMap = true;
};

template <class T>
concept Optional = Shape<std::remove_const_t<T>>::kOptional;
template <class T>
concept Vector = Shape<std::remove_const_t<T>>::kVector;
template <class T>
concept Map = Shape<std::remove_const_t<T>>::kMap;
template <class T>
concept Whole = std::integral<T> && !std::same_as<std::remove_const_t<T>, bool>;
/// A struct with a description.
template <class T>
concept Struct = std::is_class_v<T> && !Optional<T> && !Vector<T> && !Map<T> && !Is<T, std::string> &&
                 !Is<T, base::Duration>;

}  // namespace limpet::config
