#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace limpet::routing {

/// From which end of a text an AffixMap reads.
enum class AffixEnd : std::uint8_t { kFront, kBack };

/// Values by key, found for all keys that a text begins with (kFront) or ends with (kBack). One pass over the
/// text, as far as the longest key, and one hash probe for each length that keys have: independent of the
/// number of keys. Looking up never allocates.
template <typename Value, AffixEnd End>
class AffixMap {
 public:
  /// The value of this key, made if new.
  [[nodiscard]] Value& operator[](std::string_view key) {
    const auto found = values_.find(probe_of(key));
    if (found != values_.end()) return found->second;
    if (const auto at = std::ranges::lower_bound(lengths_, key.size());
        at == lengths_.end() || *at != key.size()) {
      lengths_.insert(at, key.size());
    }
    return values_[std::string(key)];
  }

  /// Calls `use` with the value of each key that `text` begins or ends with, the shortest first.
  template <typename Use>
  void for_each(std::string_view text, const Use& use) const {
    std::uint64_t hash = kSeed;
    std::size_t hashed = 0;
    for (const std::size_t length : lengths_) {
      if (length > text.size()) return;
      for (; hashed < length; ++hashed) hash = mixed(hash, byte_at(text, hashed));
      const auto found = values_.find(Probe{part(text, length), hash});
      if (found != values_.end()) use(found->second);
    }
  }

  /// The value whose key is the whole of `text`, or null.
  [[nodiscard]] const Value* find(std::string_view text) const {
    const auto found = values_.find(probe_of(text));
    return found == values_.end() ? nullptr : &found->second;
  }

 private:
  // A key with its hash already known.
  struct Probe {
    std::string_view text;
    std::uint64_t hash;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Probe& probe) const noexcept { return probe.hash; }
    std::size_t operator()(const std::string& key) const noexcept { return probe_of(key).hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const std::string& a, const std::string& b) const noexcept { return a == b; }
    bool operator()(const Probe& a, const std::string& b) const noexcept { return a.text == b; }
    bool operator()(const std::string& a, const Probe& b) const noexcept { return a == b.text; }
  };

  static constexpr std::uint64_t kSeed = 0xcbf29ce484222325U;
  static constexpr std::uint64_t mixed(std::uint64_t hash, char c) noexcept {
    return (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  static constexpr char byte_at(std::string_view text, std::size_t i) noexcept {
    return End == AffixEnd::kFront ? text[i] : text[text.size() - 1 - i];
  }
  static constexpr std::string_view part(std::string_view text, std::size_t length) noexcept {
    return End == AffixEnd::kFront ? text.substr(0, length) : text.substr(text.size() - length);
  }
  static Probe probe_of(std::string_view text) noexcept {
    std::uint64_t hash = kSeed;
    for (std::size_t i = 0; i < text.size(); ++i) hash = mixed(hash, byte_at(text, i));
    return {text, hash};
  }

  std::unordered_map<std::string, Value, Hash, Equal> values_;
  std::vector<std::size_t> lengths_;  // that keys have, ascending
};

}  // namespace limpet::routing
