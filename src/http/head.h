#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

/// HTTP/1.1 message heads, read strictly (RFC 9112, RFC 9110). Views point into the buffer that was parsed.
namespace limpet::http {

/// Field names that Limpet itself looks at; everything else is kOther.
enum class FieldId : std::uint8_t {
  kOther,
  kHost,
  kConnection,
  kKeepAlive,
  kProxyConnection,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kContentLength,
  kExpect,
  kCookie,
  kSetCookie,
  kAuthorization,
  kProxyAuthorization,
  kProxyAuthenticate,
  kForwarded,
  kVia,
  kXForwardedFor,
  kXForwardedProto,
  kXForwardedHost,
  kXForwardedPort,
  kXForwardedServer,
  kXForwardedPrefix,
  kXRealIp,
  kSecWebsocketKey,
  kSecWebsocketVersion,
  kSecWebsocketProtocol,
  kSecWebsocketExtensions,
  kSecWebsocketAccept,
  kOrigin,
  kReferer,
  kUserAgent,
  kDate,
  kServer,
  kContentType,
  kLocation,
  kTraceparent,
};

/// The id of a field name, case ignored. One hash probe.
[[nodiscard]] FieldId field_id(std::string_view name) noexcept;

struct Field {
  std::string_view name;
  std::string_view value;  ///< without blanks at the ends
  FieldId id = FieldId::kOther;
};

/// How a message's body is delimited (RFC 9112, section 6).
enum class BodyKind : std::uint8_t {
  kNone,        ///< no body
  kLength,      ///< `length` bytes follow
  kChunked,     ///< the chunked coding follows
  kUntilClose,  ///< responses only: up to the end of the connection
};

struct Framing {
  BodyKind kind = BodyKind::kNone;
  std::uint64_t length = 0;
};

/// Limits on one head. The defaults are those of an entry point.
struct HeadLimits {
  std::size_t max_bytes = 64 * 1024;
  std::size_t max_fields = 100;
  std::size_t max_target = 32 * 1024;
};

/// Why a head was refused: the status to answer (400, 414, 417, 431, 501, 505; 502 for a server's answer) and
/// a sentence for the log. The connection is of no more use: answer and close.
struct HeadError {
  std::uint16_t status = 400;
  std::string_view reason;  ///< static text
};

enum class Method : std::uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kConnect,
  kOptions,
  kTrace,
  kPatch,
  kOther
};

/// A request head. Reused from request to request so that its vector keeps its memory.
struct RequestHead {
  std::string_view method_text;
  Method method = Method::kGet;
  std::string_view
      target;  ///< origin-form as sent, or "*" for OPTIONS; an absolute-form is split into host and path
  std::string_view path;   ///< target up to '?'
  std::string_view query;  ///< target after '?', without it
  std::string_view
      host;  ///< of the Host field (or of an absolute-form target, which wins), with port as sent
  int minor_version = 1;      ///< HTTP/1.x
  std::vector<Field> fields;  ///< in the order sent; the value of Host is `host`
  Framing framing;
  bool keep_alive = true;        ///< the connection may carry another request
  bool expect_continue = false;  ///< the client waits for 100 before it sends the body
  bool upgrade = false;          ///< HTTP/1.1, Connection: upgrade and an Upgrade field; never with a body
  bool websocket = false;        ///< an upgrade to "websocket" by GET (RFC 6455, section 4.1)

  /// The first value of a field, or nothing. For names with an id.
  [[nodiscard]] std::optional<std::string_view> find(FieldId id) const noexcept;
  /// The same for any name, case ignored.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// Lets every view that points into `from` point to the same place in its copy at `to`.
  void rebase(std::string_view from, const char* to) noexcept;
};

/// A response head.
struct ResponseHead {
  std::uint16_t status = 0;
  std::string_view reason;
  int minor_version = 1;
  std::vector<Field> fields;
  Framing framing;
  bool keep_alive = true;  ///< the connection may carry another answer
  bool upgrade = false;    ///< 101 with Connection: upgrade and an Upgrade field

  [[nodiscard]] std::optional<std::string_view> find(FieldId id) const noexcept;
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
};

/// Reads a request head from the start of `buffer`. Returns the number of bytes it takes, 0 if it is not
/// complete yet, or why it is refused; a refusal comes as early as it is certain and is the same however the
/// bytes come in. Leading empty lines are skipped and counted (RFC 9112, section 2.2), at most
/// kMaxEmptyLines. Strict: one Host, one Content-Length, Transfer-Encoding exactly "chunked" and never on
/// HTTP/1.0 or beside Content-Length, no folded lines, no bare CR or LF, no blank before the colon, no
/// control characters, an upgrade carries no body, CONNECT is refused (501). `head` is only of use when the
/// result is not 0. Never allocates but for `head.fields`.
[[nodiscard]] std::expected<std::size_t, HeadError> parse_request_head(std::string_view buffer,
                                                                       const HeadLimits& limits,
                                                                       RequestHead& head);

/// The same for a server's answer to a request with method `request_method`; every refusal is a 502. The
/// status line's reason may be empty. Content-Length beside a status without a body is passed over. Answers
/// 1xx are heads of their own: read on after them.
[[nodiscard]] std::expected<std::size_t, HeadError> parse_response_head(std::string_view buffer,
                                                                        const HeadLimits& limits,
                                                                        Method request_method,
                                                                        ResponseHead& head);

/// How many empty lines before a request are put up with.
inline constexpr std::size_t kMaxEmptyLines = 4;

/// Whether a head that was incomplete with the first `seen` bytes of `buffer` is worth parsing again: a line
/// has ended since, or the limit is reached. Asked first, it keeps the work on a head that drips in small.
[[nodiscard]] bool worth_parsing_again(std::string_view buffer, std::size_t seen,
                                       const HeadLimits& limits) noexcept;

/// Whether a field belongs to this hop and is never passed on (RFC 9110, section 7.6.1): Connection,
/// Keep-Alive, Proxy-Connection, Proxy-Authenticate, Proxy-Authorization, TE, Trailer, Transfer-Encoding,
/// Upgrade, and the fields that Connection names. Connection cannot name away a field that Limpet or the
/// server relies on (one with a FieldId, or X-Forwarded-*): "Connection: Cookie, X-Forwarded-For" would else
/// strip the proof of who is asking on its way to the server. Content-Length is not hop-by-hop, yet framing
/// fields are written anew by the caller, and so are Connection and Upgrade of an upgrade. `head_fields` are
/// all the fields of the same head.
[[nodiscard]] bool is_hop_by_hop(const Field& field, const std::vector<Field>& head_fields) noexcept;

}  // namespace limpet::http
