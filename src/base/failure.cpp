#include "base/failure.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace limpet::base {
namespace {

std::string_view side_text(Side side) {
  switch (side) {
    case Side::kClient:
      return "client";
    case Side::kServer:
      return "server";
    case Side::kOwn:
      return "limpet";
  }
  return "limpet";
}

std::string_view kind_text(FailureKind kind) {
  switch (kind) {
    case FailureKind::kClosed:
      return "closed the connection early";
    case FailureKind::kReset:
      return "reset the connection";
    case FailureKind::kRefused:
      return "refused the connection";
    case FailureKind::kUnreachable:
      return "is unreachable";
    case FailureKind::kTimeout:
      return "did not answer in time";
    case FailureKind::kCancelled:
      return "was given up";
    case FailureKind::kProtocol:
      return "broke the protocol";
    case FailureKind::kTooLarge:
      return "sent too much";
    case FailureKind::kNoDescriptors:
      return "has no file descriptor left";
    case FailureKind::kSystem:
      return "failed";
  }
  return "failed";
}

}  // namespace

std::string Failure::text() const {
  if (code == 0) return fmt::format("{} {}", side_text(side), kind_text(kind));
  const char* name = strerrorname_np(code);
  if (name == nullptr) return fmt::format("{} {} (errno {})", side_text(side), kind_text(kind), code);
  return fmt::format("{} {} ({})", side_text(side), kind_text(kind), name);
}

Failure failure_from_errno(int code, Side side) noexcept {
  const auto make = [&](FailureKind kind) { return Failure{.kind = kind, .side = side, .code = code}; };
  switch (code) {
    case ECONNREFUSED:
    case ENOENT:
      return make(FailureKind::kRefused);
    case ECONNRESET:
    case EPIPE:
      return make(FailureKind::kReset);
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return make(FailureKind::kUnreachable);
    case ETIMEDOUT:
      return make(FailureKind::kTimeout);
    case ECANCELED:
      return make(FailureKind::kCancelled);
    case EMFILE:
    case ENFILE:
      return Failure{.kind = FailureKind::kNoDescriptors, .side = Side::kOwn, .code = code};
    default:
      return make(FailureKind::kSystem);
  }
}

}  // namespace limpet::base
