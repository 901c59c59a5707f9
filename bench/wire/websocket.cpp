#include "wire/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

namespace limpet::bench {
namespace {

std::string base64(std::span<const unsigned char> bytes) {
  std::array<unsigned char, 64> text{};
  const int size = EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(bytes.size()));
  return {text.begin(), text.begin() + size};
}

/// How long the whole head is, told by its second byte.
std::size_t header_size(std::uint8_t second) {
  const auto length = second & 0x7fU;
  const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  return 2 + extended + ((second & 0x80U) != 0 ? 4 : 0);
}

std::uint8_t byte_at(std::span<const char> bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

}  // namespace

void append_header(std::string& out, const FrameHeader& header) {
  const auto put = [&out](std::uint64_t byte) { out.push_back(static_cast<char>(byte & 0xffU)); };
  const std::uint64_t mask_bit = header.masked ? 0x80U : 0;
  put((header.fin ? 0x80U : 0U) | static_cast<std::uint64_t>(header.opcode));
  if (header.length < 126) {
    put(mask_bit | header.length);
  } else {
    const bool wide = header.length > 0xffff;
    put(mask_bit | (wide ? 127U : 126U));
    for (int shift = wide ? 56 : 8; shift >= 0; shift -= 8) put(header.length >> shift);
  }
  if (header.masked)
    for (const auto byte : header.mask) put(byte);
}

void apply_mask(std::span<char> data, const std::array<std::uint8_t, 4>& mask, std::uint64_t offset) {
  std::array<char, 8> rotated{};
  for (std::size_t i = 0; i < rotated.size(); ++i) rotated[i] = static_cast<char>(mask[(offset + i) % 4]);
  std::uint64_t wide = 0;
  std::memcpy(&wide, rotated.data(), sizeof wide);
  std::size_t i = 0;
  for (; i + sizeof wide <= data.size(); i += sizeof wide) {
    std::uint64_t word = 0;
    std::memcpy(&word, data.data() + i, sizeof word);
    word ^= wide;
    std::memcpy(data.data() + i, &word, sizeof word);
  }
  for (; i < data.size(); ++i) data[i] = static_cast<char>(data[i] ^ rotated[i % 4]);
}

std::string accept_key(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, 64> bytes{};
  std::memcpy(bytes.data(), text.data(), std::min(text.size(), bytes.size()));
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(bytes.data(), std::min(text.size(), bytes.size()), digest.data());
  return base64(digest);
}

std::string websocket_key(std::uint64_t seed) {
  std::array<unsigned char, 16> nonce{};
  std::memcpy(nonce.data(), &seed, sizeof seed);
  const std::uint64_t mixed = (seed + 1) * 0x9e3779b97f4a7c15U;
  std::memcpy(nonce.data() + sizeof seed, &mixed, sizeof mixed);
  return base64(nonce);
}

std::size_t FrameReader::take_header(std::span<char> data) {
  std::size_t taken = 0;
  const auto fill_to = [&](std::size_t wanted) {
    while (partial_size_ < wanted && taken < data.size()) partial_[partial_size_++] = data[taken++];
    return partial_size_ >= wanted;
  };
  if (!fill_to(2)) return taken;
  const auto first = byte_at(partial_, 0);
  const auto second = byte_at(partial_, 1);
  if (!fill_to(header_size(second))) return taken;

  header_.fin = (first & 0x80U) != 0;
  header_.opcode = static_cast<Opcode>(first & 0x0fU);
  header_.masked = (second & 0x80U) != 0;
  header_.length = second & 0x7fU;
  std::size_t next = 2;
  const std::size_t extended = header_.length == 126 ? 2 : header_.length == 127 ? 8 : 0;
  if (extended > 0) header_.length = 0;
  for (std::size_t i = 0; i < extended; ++i)
    header_.length = header_.length << 8U | byte_at(partial_, next++);
  if (header_.masked)
    for (auto& byte : header_.mask) byte = byte_at(partial_, next++);

  const bool control = (first & 0x08U) != 0;
  invalid_ = (first & 0x70U) != 0 || (control && (!header_.fin || header_.length > 125));
  partial_size_ = 0;
  offset_ = 0;
  in_payload_ = true;
  return taken;
}

}  // namespace limpet::bench
