#include "core/host/curl_transport.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <optional>
#include <system_error>
#include <unordered_map>

#include "core/host/curl_library.h"
#include "core/host/endpoint.h"
#include "core/host/peer_certificate.h"

namespace nautilus::host {
namespace {

constexpr std::size_t kMaxHeaderBytes = 1u << 20;
constexpr long kKeepaliveSeconds = 30;
constexpr int kMaxPollMs = 60'000;
constexpr std::size_t kIdleHandles = 128;

using port::HttpEvent;
using port::HttpRequest;
using port::RequestId;

bool has_line_break(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos; }

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

class CurlTransport;

struct Transfer {
  CurlTransport* owner = nullptr;
  RequestId id = 0;
  HttpRequest request;
  port::Monotonic expires{0};  // 0 = never
  CURL* easy = nullptr;
  curl_slist* header_list = nullptr;
  port::HttpResponse response;
  std::size_t header_bytes = 0;
  bool multiplexed = false;  // the answer came over HTTP/2
  std::string pending;       // bytes of a stream that poll() has not returned yet
  bool paused = false;
  bool too_large = false;
  std::array<char, CURL_ERROR_SIZE> error_text{};

  Transfer() = default;
  ~Transfer() { curl_slist_free_all(header_list); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
};

class CurlTransport final : public port::HttpTransport {
 public:
  CurlTransport(const port::Clock& clock, int wake_fd, port::Endpoint endpoint, ServerAddress address);
  ~CurlTransport() override;
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;

  RequestId submit(HttpRequest request) override;
  std::vector<HttpEvent> poll(port::Monotonic deadline) override;
  void cancel(RequestId id) override;

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* context);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context);
  static CURLcode on_ssl_context(CURL*, void* context, void* transport);

  void start_waiting();
  void start(Transfer& transfer);
  void configure(Transfer& transfer);
  void configure_tls(CURL* easy);
  std::string url_for(const std::string& target) const;
  void protocol_known(bool multiplexed);
  void resume_streams();
  void perform();
  void flush_streams();
  void finish(CURL* easy, CURLcode result);
  void fail(RequestId id, Error error, bool permanent);
  HttpEvent failure_of(const Transfer& transfer, CURLcode result) const;
  HttpEvent tls_failure(HttpEvent event, CURLcode result, const std::string& text) const;
  void release(Transfer& transfer);
  bool drain_wake_fd() const;

  const port::Clock& clock_;
  int wake_fd_;
  port::Endpoint endpoint_;
  ServerAddress address_;
  CURLM* multi_;
  std::vector<CURL*> idle_;
  std::unordered_map<RequestId, std::unique_ptr<Transfer>> transfers_;
  // Until the protocol is known, and requests beyond the limit. Streams go first: they are few and do not count.
  std::deque<RequestId> waiting_, waiting_streams_;
  std::size_t active_ = 0;  // requests handed to libcurl, without streams
  std::size_t request_limit_ = 1;
  std::vector<RequestId> streaming_;  // streams with pending bytes or paused
  std::vector<HttpEvent> events_;
  RequestId next_id_ = 1;
  std::optional<bool> detected_;  // HTTP/2 or not, seen in a callback
  bool known_ = false;            // which protocol the server speaks
  RequestId probe_ = 0;           // the request that finds out
  curl_slist* connect_to_ = nullptr;
  PeerCertificate peer_;
};

CurlTransport::CurlTransport(const port::Clock& clock, int wake_fd, port::Endpoint endpoint, ServerAddress address)
    : clock_(clock),
      wake_fd_(wake_fd),
      endpoint_(std::move(endpoint)),
      address_(std::move(address)),
      multi_(curl_multi_init()) {
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, 1000L);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(kMaxHttp1Connections));
  if (!endpoint_.tls_server_name.empty())
    connect_to_ = curl_slist_append(nullptr, fmt::format("::{}", address_.authority).c_str());
  if (!address_.tls) protocol_known(false);
}

CurlTransport::~CurlTransport() {
  for (auto& [id, transfer] : transfers_) {
    if (transfer->easy == nullptr) continue;
    curl_multi_remove_handle(multi_, transfer->easy);
    curl_easy_cleanup(transfer->easy);
  }
  for (CURL* easy : idle_) curl_easy_cleanup(easy);
  curl_multi_cleanup(multi_);
  curl_slist_free_all(connect_to_);
}

void CurlTransport::protocol_known(bool multiplexed) {
  if (known_) return;
  known_ = true;
  request_limit_ = multiplexed ? kMaxHttp2Requests : static_cast<std::size_t>(kMaxHttp1Connections);
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS,
                    static_cast<long>(multiplexed ? kMaxHttp2Connections : kMaxHttp1Connections));
}

RequestId CurlTransport::submit(HttpRequest request) {
  const RequestId id = next_id_++;
  auto transfer = std::make_unique<Transfer>();
  transfer->owner = this;
  transfer->id = id;
  if (request.timeout.count() > 0) transfer->expires = clock_.monotonic() + request.timeout;
  transfer->request = std::move(request);
  (transfer->request.stream ? waiting_streams_ : waiting_).push_back(id);
  transfers_.emplace(id, std::move(transfer));
  return id;
}

void CurlTransport::start_waiting() {
  while (known_ || probe_ == 0) {
    const bool stream = !waiting_streams_.empty();
    if (!stream && (waiting_.empty() || active_ >= request_limit_)) return;
    std::deque<RequestId>& queue = stream ? waiting_streams_ : waiting_;
    const RequestId id = queue.front();
    queue.pop_front();
    const auto found = transfers_.find(id);
    if (found == transfers_.end()) continue;  // cancelled
    if (!known_) probe_ = id;
    start(*found->second);
  }
}

void CurlTransport::start(Transfer& transfer) {
  const HttpRequest& request = transfer.request;
  bool bad = request.method.empty() || has_line_break(request.method) || request.target.empty() ||
             request.target.front() != '/' || std::any_of(request.target.begin(), request.target.end(), [](char c) {
               return static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
             });
  for (const port::Header& header : request.headers) {
    bad = bad || header.name.empty() || has_line_break(header.name) || has_line_break(header.value);
  }
  if (bad) {
    // The values are not shown: a broken token is still a token.
    return fail(transfer.id,
                Error(Code::invalid, "the request has a control character in its target or headers",
                      "A token or user name from the kubeconfig may contain a line break."),
                true);
  }
  if (idle_.empty()) {
    transfer.easy = curl_easy_init();
  } else {
    transfer.easy = idle_.back();
    idle_.pop_back();
  }
  configure(transfer);
  curl_multi_add_handle(multi_, transfer.easy);
  if (!transfer.request.stream) ++active_;
}

std::string CurlTransport::url_for(const std::string& target) const {
  const bool renamed = address_.tls && !endpoint_.tls_server_name.empty();
  return fmt::format("{}://{}{}{}", address_.tls ? "https" : "http",
                     renamed ? endpoint_.tls_server_name + ":" + address_.port : address_.authority, address_.prefix,
                     target);
}

void CurlTransport::configure(Transfer& transfer) {
  CURL* easy = transfer.easy;
  const HttpRequest& request = transfer.request;
  curl_easy_setopt(easy, CURLOPT_URL, url_for(request.target).c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error_text.data());
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, address_.tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kKeepaliveSeconds);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kKeepaliveSeconds);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(kConnectTimeout).count()));
  // "" switches off a proxy that the environment names; a proxy of ours has no exceptions from the environment.
  curl_easy_setopt(easy, CURLOPT_PROXY, endpoint_.proxy_url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  if (transfer.expires.count() > 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(transfer.expires - clock_.monotonic()).count();
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(left, 1)));
  }
  if (address_.tls) configure_tls(easy);

  bool content_type = false, encoding = false;
  for (const port::Header& header : request.headers) {
    content_type = content_type || same_name(header.name, "content-type");
    encoding = encoding || same_name(header.name, "accept-encoding");
    // "Name;" is how libcurl sends a header without a value.
    const std::string line = header.value.empty() ? header.name + ";" : header.name + ": " + header.value;
    transfer.header_list = curl_slist_append(transfer.header_list, line.c_str());
  }
  if (address_.tls && !endpoint_.tls_server_name.empty()) {
    transfer.header_list = curl_slist_append(transfer.header_list, ("Host: " + address_.authority).c_str());
  }
  if (!encoding && !request.stream) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  const bool has_body =
      !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (has_body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    transfer.header_list = curl_slist_append(transfer.header_list, "Expect:");
    if (!content_type) transfer.header_list = curl_slist_append(transfer.header_list, "Content-Type:");
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (request.method != "GET") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.header_list);
}

void CurlTransport::configure_tls(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, endpoint_.insecure_skip_tls_verify ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, endpoint_.insecure_skip_tls_verify ? 0L : 2L);
  const auto blob = [&](CURLoption option, const std::string& pem) {
    if (pem.empty()) return;
    // libcurl only reads it; the endpoint lives as long as every handle.
    curl_blob data{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY};  // NOLINT
    curl_easy_setopt(easy, option, &data);
  };
  blob(CURLOPT_CAINFO_BLOB, endpoint_.ca_pem);
  blob(CURLOPT_SSLCERT_BLOB, endpoint_.client_cert_pem);
  blob(CURLOPT_SSLKEY_BLOB, endpoint_.client_key_pem);
  if (!endpoint_.tls_server_name.empty()) {
    // The URL names who the server must prove to be (SNI and verification); the connection goes to its address.
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to_);
  }
  if (!endpoint_.insecure_skip_tls_verify) {
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, this);
  }
}

CURLcode CurlTransport::on_ssl_context(CURL*, void* context, void* transport) {
  remember_peer(static_cast<SSL_CTX*>(context), &static_cast<CurlTransport*>(transport)->peer_);
  return CURLE_OK;
}

std::size_t CurlTransport::on_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t bytes = size * count;
  transfer.header_bytes += bytes;
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.too_large = true;
    return 0;
  }
  std::string_view line(data, bytes);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.substr(0, 5) == "HTTP/") {  // also after an informational response
    transfer.response = {};
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    transfer.multiplexed = line.size() > 5 && line[5] >= '2';  // CURLINFO_HTTP_VERSION is not set this early
    return bytes;
  }
  if (!line.empty()) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return bytes;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    transfer.response.headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
    return bytes;
  }
  if (transfer.response.status < 200) return bytes;
  // libcurl refuses settings from inside its callbacks; perform() passes this on.
  if (!transfer.owner->known_) transfer.owner->detected_ = transfer.multiplexed;
  if (transfer.request.stream) {
    HttpEvent event;
    event.id = transfer.id;
    event.kind = HttpEvent::Kind::headers;
    event.response = transfer.response;
    transfer.owner->events_.push_back(std::move(event));
  }
  return bytes;
}

std::size_t CurlTransport::on_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t bytes = size * count;
  if (!transfer.request.stream) {
    if (transfer.response.body.size() + bytes > kMaxResponseBytes) {
      transfer.too_large = true;
      return 0;
    }
    transfer.response.body.append(data, bytes);
    return bytes;
  }
  if (transfer.pending.empty() && !transfer.paused) transfer.owner->streaming_.push_back(transfer.id);
  if (!transfer.pending.empty() && transfer.pending.size() + bytes > kStreamWindow) {
    transfer.paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  transfer.pending.append(data, bytes);
  return bytes;
}

void CurlTransport::resume_streams() {
  std::vector<RequestId> streams;
  streams.swap(streaming_);
  for (const RequestId id : streams) {
    const auto found = transfers_.find(id);
    if (found == transfers_.end() || !found->second->paused) continue;
    found->second->paused = false;
    curl_easy_pause(found->second->easy, CURLPAUSE_CONT);  // may call on_body at once
  }
}

// Hands the bytes of streams over as events, in the order in which the streams got their first byte.
void CurlTransport::flush_streams() {
  for (const RequestId id : streaming_) {
    const auto found = transfers_.find(id);
    if (found == transfers_.end() || found->second->pending.empty()) continue;
    HttpEvent event;
    event.id = id;
    event.kind = HttpEvent::Kind::data;
    event.data.swap(found->second->pending);
    events_.push_back(std::move(event));
  }
  std::erase_if(streaming_, [this](RequestId id) {
    const auto found = transfers_.find(id);
    return found == transfers_.end() || !found->second->paused;
  });
}

void CurlTransport::perform() {
  int running = 0;
  curl_multi_perform(multi_, &running);
  if (detected_) protocol_known(*detected_);
  flush_streams();
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
  }
}

void CurlTransport::finish(CURL* easy, CURLcode result) {
  char* pointer = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &pointer);
  auto& transfer = *reinterpret_cast<Transfer*>(pointer);  // NOLINT: what CURLOPT_PRIVATE was given
  const RequestId id = transfer.id;
  HttpEvent event;
  if (result == CURLE_OK) {
    event.id = id;
    event.kind = HttpEvent::Kind::done;
    event.response = std::move(transfer.response);
  } else {
    event = failure_of(transfer, result);
  }
  if (probe_ == id) probe_ = 0;
  release(transfer);
  transfers_.erase(id);
  events_.push_back(std::move(event));
}

void CurlTransport::release(Transfer& transfer) {
  if (transfer.easy == nullptr) return;
  curl_multi_remove_handle(multi_, transfer.easy);
  if (!transfer.request.stream) --active_;
  curl_easy_reset(transfer.easy);
  if (idle_.size() < kIdleHandles) {
    idle_.push_back(transfer.easy);
  } else {
    curl_easy_cleanup(transfer.easy);
  }
  transfer.easy = nullptr;
}

void CurlTransport::fail(RequestId id, Error error, bool permanent) {
  if (probe_ == id) probe_ = 0;
  transfers_.erase(id);
  HttpEvent event;
  event.id = id;
  event.kind = HttpEvent::Kind::failed;
  event.error = std::move(error);
  event.permanent = permanent;
  events_.push_back(std::move(event));
}

HttpEvent CurlTransport::failure_of(const Transfer& transfer, CURLcode result) const {
  HttpEvent event;
  event.id = transfer.id;
  event.kind = HttpEvent::Kind::failed;
  const std::string text =
      transfer.error_text[0] != '\0' ? std::string(transfer.error_text.data()) : curl_easy_strerror(result);
  long sent_bytes = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
  const bool sent = sent_bytes > 0;
  const std::string& server = endpoint_.server;
  switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
      event.error = Error(Code::unreachable, fmt::format("the host {} of the server is not known", address_.host),
                          "Check the server in the kubeconfig, and that this machine can resolve its name.");
      return event;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
      event.error = Error(Code::unreachable, fmt::format("the proxy for {} does not work: {}", server, text));
      return event;
    case CURLE_COULDNT_CONNECT: {
      long number = 0;
      curl_easy_getinfo(transfer.easy, CURLINFO_OS_ERRNO, &number);
      const std::string why = number != 0 ? std::generic_category().message(static_cast<int>(number)) : text;
      event.error = Error(Code::unreachable, fmt::format("cannot connect to {}: {}", server, why),
                          "Check that the cluster is running and that this machine can reach it.");
      return event;
    }
    case CURLE_URL_MALFORMAT:
      event.error = Error(Code::invalid, fmt::format("the address of the server cannot be used: {}", text));
      event.permanent = true;
      return event;
    case CURLE_OPERATION_TIMEDOUT:
      event.error = sent ? Error(Code::timeout, fmt::format("{} did not answer in time", server))
                         : Error(Code::unreachable, fmt::format("cannot connect to {} in time", server),
                                 "Check that the cluster is running and that this machine can reach it.");
      return event;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER: return tls_failure(std::move(event), result, text);
    case CURLE_WRITE_ERROR:
      if (transfer.too_large) {
        event.error =
            Error(Code::limit, fmt::format("the answer of {} is larger than {} MiB", server, kMaxResponseBytes >> 20));
        event.permanent = true;
        return event;
      }
      [[fallthrough]];
    default:
      event.error =
          Error(sent ? Code::io : Code::unreachable, fmt::format("the connection to {} was lost: {}", server, text));
      return event;
  }
}

HttpEvent CurlTransport::tls_failure(HttpEvent event, CURLcode result, const std::string& text) const {
  const std::string& server = endpoint_.server;
  const std::string& name = endpoint_.tls_server_name.empty() ? address_.host : endpoint_.tls_server_name;
  if (result == CURLE_PEER_FAILED_VERIFICATION) {
    Explanation why = explain(peer_, server, name, text);
    event.error = Error(Code::unreachable, std::move(why.message), std::move(why.hint));
    event.permanent = true;
    return event;
  }
  event.error = Error(Code::unreachable, fmt::format("no secure connection to {}: {}", server, text));
  if (text.find("wrong version number") != std::string::npos)
    event.error.hint = "The server may speak plain HTTP there: check the port in the kubeconfig.";
  if (text.find("alert") != std::string::npos) event.error.hint = "The server refused this client's certificate.";
  // A handshake cut short (a server that is starting) may work next time; anything else will not.
  event.permanent = result != CURLE_SSL_CONNECT_ERROR || !event.error.hint.empty();
  return event;
}

bool CurlTransport::drain_wake_fd() const {
  if (wake_fd_ < 0) return false;
  std::array<char, 64> bytes;
  bool woken = false;
  while (::read(wake_fd_, bytes.data(), bytes.size()) > 0) woken = true;
  return woken;
}

std::vector<HttpEvent> CurlTransport::poll(port::Monotonic deadline) {
  resume_streams();
  start_waiting();
  perform();
  while (events_.empty()) {
    const port::Monotonic now = clock_.monotonic();
    if (now >= deadline) break;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
    curl_waitfd wake{wake_fd_, CURL_WAIT_POLLIN, 0};
    curl_multi_poll(multi_, wake_fd_ >= 0 ? &wake : nullptr, wake_fd_ >= 0 ? 1 : 0,
                    static_cast<int>(std::min<std::int64_t>(left, kMaxPollMs)), nullptr);
    const bool woken = drain_wake_fd();
    start_waiting();
    perform();
    if (woken) break;
  }
  start_waiting();  // what the answers just read have let go
  return std::exchange(events_, {});
}

void CurlTransport::cancel(RequestId id) {
  const auto found = transfers_.find(id);
  if (found != transfers_.end()) {
    release(*found->second);
    transfers_.erase(found);
  }
  if (probe_ == id) probe_ = 0;
  std::erase_if(events_, [id](const HttpEvent& event) { return event.id == id; });
}

// Once for the process, on first use; there is no matching cleanup, as the process ends with it.
Result<> initialise_libcurl() {
  TRY(load_curl());
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result == CURLE_OK) return {};
  return Error(Code::internal, fmt::format("libcurl cannot be initialised: {}", curl_easy_strerror(result)));
}

}  // namespace

Result<std::unique_ptr<port::HttpTransport>> CurlConnector::connect(const port::Endpoint& endpoint) {
  ASSIGN_OR_RETURN(ServerAddress address, parse_server(endpoint.server, endpoint.plain_behind_mesh));
  TRY(check_pem(endpoint));
  TRY(initialise_libcurl());
  return std::unique_ptr<port::HttpTransport>(
      std::make_unique<CurlTransport>(clock_, wake_fd_, endpoint, std::move(address)));
}

}  // namespace nautilus::host
