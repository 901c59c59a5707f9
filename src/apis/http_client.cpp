#include "apis/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "base/text.h"
#include "http/head_writer.h"

namespace limpet::apis {
namespace {

constexpr std::size_t kBuffer = 16 * 1024;  // and the longest head

std::string text_of(const HttpRequest& request) {
  std::string text;
  http::HeadWriter writer(text);
  writer.request_line(request.method, request.target);
  writer.field("Host", request.host);
  bool has_user_agent = false;
  for (const auto& [name, value] : request.fields) {
    writer.field(name, value);
    has_user_agent = has_user_agent || base::iequals(name, "User-Agent");
  }
  if (!has_user_agent) writer.field("User-Agent", "limpet/" LIMPET_VERSION);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    writer.field("Content-Length", request.body.size());
  }
  writer.field("Connection", "close");
  writer.end();
  return text + request.body;
}

}  // namespace

net::Task<HttpExchange::Result<HttpAnswer>> HttpExchange::open(std::vector<net::SocketAddress> addresses,
                                                               HttpRequest request,
                                                               base::TimePoint deadline) {
  const std::string text = text_of(request);
  const http::Method method = request.method == "HEAD" ? http::Method::kHead : http::Method::kGet;
  Result<HttpAnswer> result = std::unexpected(std::string("its host name has no address"));
  for (const net::SocketAddress& address : addresses) {
    if (cancelled_) co_return std::unexpected(std::string("cancelled"));
    auto fd = net::Socket::start_connect(address);
    if (!fd) {
      result = std::unexpected(fd.error().text());
      continue;
    }
    socket_ = std::make_unique<net::Socket>(reactor_, std::move(*fd), base::Side::kServer);
    if (!socket_->valid()) co_return std::unexpected(std::string("no room for another connection"));
    socket_->set_deadline(std::max(deadline - base::Clock::now(), base::Duration(1)));
    result = co_await ask(text, method);
    // Another address is of use only if this one has not seen the request.
    if (result || socket_->bytes_written() > 0) break;
  }
  co_return result;
}

net::Task<HttpExchange::Result<HttpAnswer>> HttpExchange::ask(std::string text, http::Method method) {
  const auto written = co_await socket_->write(text);
  if (!written) co_return std::unexpected(written.error().text());
  buffer_.resize(kBuffer);
  begin_ = end_ = 0;
  http::ResponseHead head;
  while (true) {
    const std::string_view received(buffer_.data() + begin_, end_ - begin_);
    const auto length = http::parse_response_head(received, {.max_bytes = kBuffer}, method, head);
    if (!length) co_return std::unexpected(fmt::format("its answer is not HTTP: {}", length.error().reason));
    begin_ += *length;
    if (*length != 0 && (head.status >= 200 || head.status == 101)) break;
    if (*length != 0) continue;  // an interim answer; the final one follows
    if (end_ - begin_ == buffer_.size()) {
      co_return std::unexpected(std::string("the head of its answer is too long"));
    }
    const auto count = co_await receive();
    if (!count) co_return std::unexpected(count.error());
    if (*count == 0) co_return std::unexpected(std::string("it closed the connection without an answer"));
  }
  framing_ = head.framing;
  left_ = head.framing.length;
  co_return HttpAnswer{.status = head.status,
                       .location = std::string(head.find(http::FieldId::kLocation).value_or(""))};
}

net::Task<HttpExchange::Result<std::size_t>> HttpExchange::receive() {
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  const auto count = co_await socket_->read(std::span(buffer_).subspan(end_));
  if (!count) co_return std::unexpected(count.error().text());
  end_ += *count;
  co_return *count;
}

HttpExchange::Result<std::string_view> HttpExchange::take_piece(std::string_view input) {
  if (framing_.kind == http::BodyKind::kUntilClose) {
    begin_ = end_;
    return input;
  }
  if (framing_.kind == http::BodyKind::kLength) {
    const std::string_view piece = input.substr(0, std::min<std::uint64_t>(left_, input.size()));
    left_ -= piece.size();
    begin_ += piece.size();
    return piece;
  }
  const auto step = chunks_.next(input);
  if (!step) return std::unexpected(fmt::format("its answer is not HTTP: {}", step.error().reason));
  begin_ += step->consumed;
  return step->data;
}

net::Task<HttpExchange::Result<std::string_view>> HttpExchange::read() {
  while (true) {
    const bool ended = framing_.kind == http::BodyKind::kNone ||
                       (framing_.kind == http::BodyKind::kLength && left_ == 0) ||
                       (framing_.kind == http::BodyKind::kChunked && chunks_.done());
    if (ended) co_return std::string_view();
    if (begin_ < end_) {
      const auto piece = take_piece({buffer_.data() + begin_, end_ - begin_});
      if (!piece || !piece->empty()) co_return piece;
      continue;
    }
    const auto count = co_await receive();
    if (!count) co_return std::unexpected(count.error());
    if (*count > 0) continue;
    if (framing_.kind == http::BodyKind::kUntilClose) co_return std::string_view();
    co_return std::unexpected(std::string("it closed the connection in the middle of its answer"));
  }
}

net::Task<HttpExchange::Result<std::string>> HttpExchange::read_all(std::size_t limit) {
  std::string all;
  while (true) {
    const auto piece = co_await read();
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) co_return all;
    if (all.size() + piece->size() > limit) {
      co_return std::unexpected(fmt::format("its answer is longer than {} bytes", limit));
    }
    all += *piece;
  }
}

void HttpExchange::clear_deadline() noexcept {
  if (socket_ != nullptr) socket_->clear_deadline();
}

void HttpExchange::cancel() noexcept {
  cancelled_ = true;
  if (socket_ != nullptr) socket_->cancel();
}

}  // namespace limpet::apis
