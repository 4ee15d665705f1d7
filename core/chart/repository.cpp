#include "core/chart/repository.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <map>

#include "core/sprig/crypto.h"
#include "core/value/base64.h"
#include "core/value/escape.h"
#include "core/value/yaml.h"

namespace nautilus::chart {

namespace {

constexpr std::size_t kMaxUrl = 4096;
constexpr std::size_t kVersionsShown = 5;
constexpr port::Duration kLookAround = std::chrono::milliseconds(200);  // how soon an interrupt is seen

struct Url {
  std::string scheme, authority, path;  // path with the query, beginning with '/'
  std::string text() const { return scheme + "://" + authority + path; }
  std::string server() const { return scheme + "://" + authority; }
};

Result<Url> parse_url(const std::string& text) {
  Url url;
  const auto mark = text.find("://");
  const bool plain = text.find_first_of(" \t\r\n\\") == std::string::npos && text.size() <= kMaxUrl;
  if (mark != std::string::npos) url.scheme = text.substr(0, mark);
  if (!plain || (url.scheme != "https" && url.scheme != "http"))
    return Error(Code::invalid, fmt::format("{:?} is not an address of https", value::escape_control(text)));
  const auto slash = std::min(text.find_first_of("/?#", mark + 3), text.size());
  url.authority = text.substr(mark + 3, slash - mark - 3);
  url.path = text.substr(slash, text.find('#', slash) - slash);
  if (!url.path.starts_with('/')) url.path = "/" + url.path;
  if (url.authority.empty() || url.authority.find('@') != std::string::npos)
    return Error(Code::invalid, "an address without a host, or with credentials in it");
  return url;
}

// A reference as it stands in an index or a Location header, against the address it was found at.
Result<Url> resolve(const Url& base, const std::string& reference) {
  if (reference.find("://") != std::string::npos) return parse_url(reference);
  if (reference.starts_with("//")) return parse_url(base.scheme + ":" + reference);
  if (reference.starts_with('/')) return parse_url(base.server() + reference);
  const std::string folder = base.path.substr(0, base.path.find('?'));
  return parse_url(base.server() + folder.substr(0, folder.rfind('/') + 1) + reference);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

class Fetcher {
 public:
  Fetcher(const RepositoryPorts& ports, const RepositoryChart& wanted, Url home)
      : ports_(ports), wanted_(wanted), home_(std::move(home)) {}

  Result<std::string> get(Url url, std::uint64_t most) {
    for (int hop = 0; hop <= kMaxRedirects; ++hop) {
      auto answer = once(url, most);
      if (!answer.ok()) return std::move(answer).error().within("getting " + url.text());
      if (!is_redirect(answer->status)) return content(url, std::move(*answer));
      auto next = resolve(url, std::string(answer->header("location")));
      if (!next.ok()) return std::move(next).error().within("following the redirect of " + url.text());
      if (url.scheme == "https" && next->scheme != "https")
        return Error(Code::refused, fmt::format("{} redirects to plain http", url.text()),
                     "the package would come from whoever is in between");
      url = std::move(*next);
    }
    return Error(Code::limit, fmt::format("redirected more than {} times, last to {}", kMaxRedirects, url.text()));
  }

 private:
  Result<std::string> content(const Url& url, port::HttpResponse answer) {
    if (answer.status == 200) return std::move(answer.body);
    if (answer.status == 404) return Error(Code::not_found, fmt::format("{} does not exist (404)", url.text()));
    if (answer.status == 401 || answer.status == 403)
      return Error(Code::forbidden, fmt::format("{} refuses us ({})", url.text(), answer.status),
                   "name the variables with its credentials in chart.credentials");
    return Error(Code::unreachable, fmt::format("{} answered {}", url.text(), answer.status));
  }

  // One transport per host; the credentials stay with the repository's own.
  Result<port::HttpTransport*> transport(const Url& url) {
    auto& slot = transports_[url.server()];
    if (!slot) {
      port::Endpoint endpoint;
      endpoint.server = url.server();
      endpoint.ca_pem = url.scheme == "https" ? wanted_.ca_pem : "";
      ASSIGN_OR_RETURN(slot, ports_.connector.connect(endpoint));
    }
    return slot.get();
  }

  Result<port::HttpResponse> once(const Url& url, std::uint64_t most) {
    ASSIGN_OR_RETURN(port::HttpTransport * line, transport(url));
    port::HttpRequest request;
    request.method = "GET";
    request.target = url.path;
    request.headers = {{"Accept", "*/*"}, {"User-Agent", "nautilusctl"}};
    if (!wanted_.username.empty() && url.server() == home_.server())
      request.headers.push_back(
          {"Authorization", "Basic " + value::encode_base64(wanted_.username + ":" + wanted_.password)});
    request.stream = true;  // so that what is too large ends here and not in memory
    request.timeout = kFetchTimeout;
    const port::Monotonic deadline = ports_.clock.monotonic() + 2 * kFetchTimeout;
    const auto id = line->submit(std::move(request));
    port::HttpResponse answer;
    while (ports_.clock.monotonic() < deadline) {
      for (auto& event : line->poll(ports_.clock.monotonic() + kLookAround)) {
        if (event.id != id) continue;
        auto complete = take(event, answer, most);
        if (!complete.ok()) {
          line->cancel(id);
          return std::move(complete).error();
        }
        if (*complete) return answer;
      }
      if (ports_.interrupt.requested()) {
        line->cancel(id);
        return Error(Code::interrupted, "interrupted");
      }
    }
    line->cancel(id);
    return Error(Code::timeout, "no answer in time");
  }

  // True if the answer is complete.
  static Result<bool> take(port::HttpEvent& event, port::HttpResponse& answer, std::uint64_t most) {
    if (event.kind == port::HttpEvent::Kind::failed) return std::move(event.error);
    if (answer.status == 0 && event.response.status != 0) {
      answer.status = event.response.status;
      answer.headers = std::move(event.response.headers);
      std::uint64_t announced = 0;
      const std::string_view length = answer.header("content-length");
      std::from_chars(length.data(), length.data() + length.size(), announced);
      if (announced > most) return too_large(most);
    }
    answer.body += event.kind == port::HttpEvent::Kind::data ? event.data : event.response.body;
    if (answer.body.size() > most) return too_large(most);
    if (event.kind != port::HttpEvent::Kind::done) return false;
    std::uint64_t announced = 0;
    const std::string_view length = answer.header("content-length");
    const bool counted = std::from_chars(length.data(), length.data() + length.size(), announced).ec == std::errc();
    if (counted && answer.header("content-encoding").empty() && announced != answer.body.size())
      return Error(Code::io, fmt::format("the answer broke off after {} of {} bytes", answer.body.size(), announced));
    return true;
  }

  static Error too_large(std::uint64_t most) {
    return Error(Code::limit, fmt::format("the answer is larger than {} MiB", most >> 20));
  }

  const RepositoryPorts& ports_;
  const RepositoryChart& wanted_;
  Url home_;
  std::map<std::string, std::unique_ptr<port::HttpTransport>> transports_;
};

// The entry of the wanted version in an index, or what is there instead.
Result<const Json*> entry_of(const Json& index, const RepositoryChart& wanted) {
  const Json* entries = value::find(index, "entries");
  if (!entries || !entries->is_object())
    return Error(Code::invalid, "the index has no entries", "is this address a Helm chart repository?");
  const Json* versions = value::find(*entries, wanted.name);
  if (!versions || !versions->is_array() || versions->empty())
    return Error(Code::not_found, fmt::format("the repository has no chart {}", wanted.name));
  std::vector<std::string> others;
  for (const Json& entry : *versions) {
    const std::string version = value::string_at(entry, "version");
    if (same_version(version, wanted.version)) return &entry;
    if (others.size() < kVersionsShown) others.push_back(value::escape_control(version));
  }
  return Error(Code::not_found, fmt::format("the repository has no version {} of {}", wanted.version, wanted.name),
               fmt::format("it has {}{}", fmt::join(others, ", "), versions->size() > others.size() ? ", ..." : ""));
}

}  // namespace

std::string digest_of(std::string_view bytes) { return "sha256:" + sprig::crypto::sha256_hex(bytes); }

bool same_version(std::string_view one, std::string_view other) {
  if (one.starts_with('v')) one.remove_prefix(1);
  if (other.starts_with('v')) other.remove_prefix(1);
  return one == other;
}

Result<FetchedChart> fetch_chart(const RepositoryPorts& ports, const RepositoryChart& wanted) {
  auto fetched = [&]() -> Result<FetchedChart> {
    ASSIGN_OR_RETURN(const Url home, parse_url(wanted.url + "/index.yaml"));
    Fetcher fetcher(ports, wanted, home);
    ASSIGN_OR_RETURN(const std::string text, fetcher.get(home, kMaxIndexBytes));
    ASSIGN_OR_RETURN(const Json index, value::parse_yaml(text, home.text(), value::as_helm_reads_it()));
    ASSIGN_OR_RETURN(const Json* entry, entry_of(index, wanted));
    const Json* urls = value::find(*entry, "urls");
    if (!urls || !urls->is_array() || urls->empty() || !urls->front().is_string())
      return Error(Code::invalid, fmt::format("the index names no file for {} {}", wanted.name, wanted.version));
    ASSIGN_OR_RETURN(const Url file, resolve(home, urls->front().get<std::string>()));
    if (home.scheme == "https" && file.scheme != "https")
      return Error(Code::refused, fmt::format("the index points at plain http: {}", file.text()));
    FetchedChart chart;
    ASSIGN_OR_RETURN(chart.bytes, fetcher.get(file, kMaxArchiveBytes));
    chart.digest = digest_of(chart.bytes);
    std::string said = value::string_at(*entry, "digest");
    if (!said.empty() && !said.starts_with("sha256:")) said = "sha256:" + said;
    if (!said.empty() && said != chart.digest)
      return Error(Code::refused,
                   fmt::format("{} has the digest {}, but the index says {}", file.text(), chart.digest,
                               value::escape_control(said)),
                   "the package was broken on its way, or somebody replaced it");
    return chart;
  }();
  return std::move(fetched).within(
      fmt::format("fetching chart {} {} from {}", wanted.name, wanted.version, wanted.url));
}

}  // namespace nautilus::chart
