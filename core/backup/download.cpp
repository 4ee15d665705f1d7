#include "core/backup/download.h"

#include "core/port/entropy.h"
#include "core/release/gzip.h"

namespace nautilus::backup {

namespace {

constexpr port::Duration kLookAround = std::chrono::milliseconds(200);

Result<std::string> signed_url(const Settings& settings, const value::ObjectId& id) {
  std::string url;
  auto waited = poll(settings, id, kSignedWithin, [&](const Json& object) -> Result<bool> {
    url = value::string_at(object, "status", "downloadURL");
    return !url.empty();
  });
  if (!waited.ok() && waited.error().code == Code::timeout)
    return Error(Code::timeout, "Velero has not answered the request for a download",
                 "is the velero Deployment running, and can it reach the object store?");
  TRY(std::move(waited));
  return url;
}

Result<port::HttpResponse> fetch(const Store& store, const SignedUrl& url) {
  port::Endpoint endpoint;
  endpoint.server = url.server;
  endpoint.ca_pem = store.ca_pem;
  endpoint.insecure_skip_tls_verify = store.insecure;
  ASSIGN_OR_RETURN(auto line, store.ports.connector.connect(endpoint));
  port::HttpRequest request;
  request.method = "GET";
  request.target = url.target;
  request.timeout = kFetchedWithin;
  const auto& clock = store.ports.clock;
  const auto deadline = clock.monotonic() + kFetchedWithin;
  const auto id = line->submit(std::move(request));
  while (clock.monotonic() < deadline) {
    for (auto& event : line->poll(clock.monotonic() + kLookAround)) {
      if (event.id != id) continue;
      if (event.kind == port::HttpEvent::Kind::failed) return std::move(event.error);
      if (event.kind == port::HttpEvent::Kind::done) return std::move(event.response);
    }
    if (store.ports.interrupt.requested()) return Error(Code::interrupted, "interrupted");
  }
  return Error(Code::timeout, "the object store has not answered in time");
}

Result<std::string> content(const Store& store, const std::string& signed_url, const std::string& kind) {
  ASSIGN_OR_RETURN(const SignedUrl url, split_url(signed_url));
  auto answer = fetch(store, url);
  if (!answer.ok())
    return std::move(answer)
        .error()
        .within("fetching from the object store " + url.server)
        .with_hint(
            "the store's address must be reachable from here: config.publicUrl of the BackupStorageLocation; "
            "its authority: --cacert");
  if (answer->status == 404)
    return Error(Code::not_found, fmt::format("the object store has no {} of it", kind),
                 "it may not have ended yet, or its data was removed behind Velero's back");
  if (answer->status != 200)
    return Error(Code::unreachable, fmt::format("the object store {} answered {}", url.server, answer->status),
                 answer->status == 403 ? "the signature was refused: are the clocks right?" : "");
  // Some stores unpack it on the way.
  if (!answer->body.starts_with("\x1f\x8b")) return std::move(answer->body);
  return release::gunzip(answer->body, kMaxDownload).within("unpacking what the object store sent");
}

}  // namespace

Result<SignedUrl> split_url(const std::string& url) {
  const auto scheme = url.find("://");
  const auto path = scheme == std::string::npos ? scheme : url.find('/', scheme + 3);
  const std::string_view name =
      scheme == std::string::npos ? std::string_view() : std::string_view(url).substr(0, scheme);
  if (path == std::string::npos || path == scheme + 3 || (name != "http" && name != "https"))
    return Error(Code::invalid, "what Velero signed is not the address of an object");
  if (const auto at = url.find('@', scheme); at != std::string::npos && at < path)
    return Error(Code::invalid, "what Velero signed has credentials before the host");
  return SignedUrl{url.substr(0, path), url.substr(path)};
}

Result<std::string> download(const Settings& settings, const Store& store, const std::string& kind,
                             const std::string& name) {
  auto& cluster = settings.session.cluster;
  std::string suffix = port::random_alphanumeric(settings.session.entropy, 8);
  for (char& c : suffix) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const auto id = velero_id("DownloadRequest", settings.velero_namespace, name.substr(0, 200) + "-" + suffix);
  const Json request = {{"apiVersion", std::string(kVeleroApi)},
                        {"kind", "DownloadRequest"},
                        {"metadata", {{"name", id.name}, {"namespace", id.namespace_}}},
                        {"spec", {{"target", {{"kind", kind}, {"name", name}}}}}};
  TRY(put_new(settings, request, false));
  auto done = [&]() -> Result<std::string> {
    ASSIGN_OR_RETURN(const std::string url, signed_url(settings, id));
    return content(store, url, kind);
  }();
  const kube::Uninterrupted section(cluster.client());
  if (auto get = cluster.get(id, std::string(kVeleroApi)); get.ok())
    if (auto live = cluster.client().call(std::move(*get)); live.ok())
      if (auto gone = cluster.remove(id, std::string(kVeleroApi), value::string_at(live.body, "metadata", "uid"));
          gone.ok())
        (void)cluster.client().call(std::move(*gone));
  return std::move(done).within(fmt::format("downloading the {} of {}", kind, name));
}

Result<Json> download_json(const Settings& settings, const Store& store, const std::string& kind,
                           const std::string& name) {
  ASSIGN_OR_RETURN(const std::string text, download(settings, store, kind, name));
  return value::parse_json(text, kind);
}

}  // namespace nautilus::backup
