// From an HTTP request to a verb and back.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/sim/api/body.h"
#include "core/sim/api/decode.h"
#include "core/sim/api/server_impl.h"

namespace nautilus::sim {

std::string url_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  auto hex = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

Query parse_query(std::string_view text) {
  Query query;
  if (text.empty()) return query;
  for (auto pair : split_view(text, '&')) {
    auto eq = pair.find('=');
    query.emplace_back(url_decode(pair.substr(0, eq), true),
                       eq == std::string_view::npos ? std::string() : url_decode(pair.substr(eq + 1), true));
  }
  return query;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view Request::param(std::string_view wanted) const {
  for (const auto& [key, v] : query)
    if (key == wanted) return v;
  return {};
}

bool Request::flag(std::string_view wanted) const {
  std::string_view text = param(wanted);
  return text == "true" || text == "1" || text == "True";
}

namespace {

std::string_view header(const port::HttpRequest& http, std::string_view name) {
  for (const auto& h : http.headers)
    if (lower(h.name) == name) return h.value;
  return {};
}

// The manager that a User-Agent stands for: what is before the first '/'.
std::string manager_of(std::string_view agent) {
  constexpr std::size_t kLongest = 128;
  std::string name(agent.substr(0, agent.find('/')));
  if (name.size() > kLongest) name.resize(kLongest);
  return name;
}

bool query_watch(const Query& query) {
  for (const auto& [key, v] : query)
    if (key == "watch") return v == "true" || v == "1" || v == "True" || v.empty();
  return false;
}

}  // namespace

Reply Server::Impl::json_reply(int status, const Json& body) const {
  Reply reply;
  reply.status = status;
  reply.headers.push_back({"Content-Type", "application/json"});
  reply.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return reply;
}

Reply Server::Impl::fail(const Json& status) const {
  Reply reply = json_reply(static_cast<int>(value::int_at(status, 500, "code")), status);
  if (std::int64_t after = value::int_at(status, 0, "details", "retryAfterSeconds"); after > 0)
    reply.headers.push_back({"Retry-After", std::to_string(after)});
  return reply;
}

Reply Server::Impl::object_reply(const Request& request, int status, const Object& object,
                                 const std::vector<std::string>& warnings) {
  Reply reply;
  if (request.accept.find("as=Table") != std::string::npos && request.kind && request.subresource.empty()) {
    Json table = make_table(*request.kind, {object}, clock.now(), request.param("includeObject"), true);
    table["metadata"] = {{"resourceVersion", value::string_at(*object, "metadata", "resourceVersion")}};
    reply = json_reply(status, table);
  } else if (request.accept.find("as=PartialObjectMetadata") != std::string::npos) {
    reply = json_reply(status, partial_metadata(*object));
  } else {
    reply = json_reply(status, *object);
  }
  for (const auto& text : warnings) {
    std::string quoted;
    for (char c : text) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c == '\n' || c == '\r' ? ' ' : c;
    }
    reply.headers.push_back({"Warning", fmt::format("299 - \"{}\"", quoted)});
  }
  return reply;
}

bool Server::Impl::parse_target(std::string_view target, std::string_view method, Request& request) const {
  auto mark = target.find('?');
  request.path = url_decode(target.substr(0, mark), false);
  if (mark != std::string_view::npos) request.query = parse_query(target.substr(mark + 1));
  auto parts = split_view(request.path, '/');
  std::vector<std::string_view> segments;
  for (auto part : parts)
    if (!part.empty()) segments.push_back(part);
  std::string_view group, version;
  std::size_t at;
  if (segments.size() >= 3 && segments[0] == "api") {
    version = segments[1];
    at = 2;
  } else if (segments.size() >= 4 && segments[0] == "apis") {
    group = segments[1];
    version = segments[2];
    at = 3;
  } else {
    return false;
  }
  bool old_watch = segments[at] == "watch";
  if (old_watch) ++at;
  if (at >= segments.size()) return false;
  std::size_t left = segments.size() - at;
  std::string_view resource;
  bool namespaced = false;
  // "namespaces/x/pods" is a namespaced resource; "namespaces/x" and "namespaces/x/status" are the namespace itself.
  if (segments[at] == "namespaces" && left >= 3 &&
      !(group.empty() && left == 3 && (segments[at + 2] == "status" || segments[at + 2] == "finalize"))) {
    request.ns = segments[at + 1];
    resource = segments[at + 2];
    at += 3;
    namespaced = true;
  } else {
    resource = segments[at];
    at += 1;
  }
  request.kind = served(group, version, resource);
  if (!request.kind || (namespaced && !request.kind->info.namespaced)) {
    request.kind = nullptr;
    return false;
  }
  if (at < segments.size()) request.name = segments[at++];
  if (at < segments.size()) request.subresource = segments[at++];
  if (request.kind->info.namespaced && !namespaced && !request.name.empty()) return false;
  bool collection = request.name.empty();
  if (method == "GET" || method == "HEAD")
    request.verb = query_watch(request.query) || old_watch ? "watch" : collection ? "list" : "get";
  else if (method == "POST")
    request.verb = "create";
  else if (method == "PUT")
    request.verb = "update";
  else if (method == "PATCH")
    request.verb = "patch";
  else if (method == "DELETE")
    request.verb = collection ? "deletecollection" : "delete";
  return true;
}

const Fault* Server::Impl::strike(const Request& request) {
  for (auto& state : faults) {
    const Fault& f = state.fault;
    const ResourceInfo* info = request.kind ? &request.kind->info : nullptr;
    std::string resource = info ? info->resource : std::string();
    if (!request.subresource.empty() && f.resource.find('/') != std::string::npos)
      resource += "/" + request.subresource;
    bool fits = (f.verb.empty() || f.verb == request.verb) && (f.group.empty() || (info && f.group == info->group)) &&
                (f.resource.empty() || f.resource == resource) && (f.ns.empty() || f.ns == request.ns) &&
                (f.name.empty() || f.name == request.name);
    if (!fits || (f.times >= 0 && state.hit >= f.times)) continue;
    if (state.seen++ < f.skip) continue;
    ++state.hit;
    return &f;
  }
  return nullptr;
}

Reply Server::Impl::handle(const port::HttpRequest& http) {
  Reply reply;
  try {
    reply = route(http);
  } catch (const Refused& refused) { reply = fail(refused.status); }
  reply.headers.push_back({"Audit-Id", fmt::format("{:08x}", (counters.reads + counters.writes) & 0xffffffff)});
  reply.headers.push_back({"Cache-Control", "no-cache, private"});
  return reply;
}

Reply Server::Impl::route(const port::HttpRequest& http) {
  Request request;
  std::string_view accept = header(http, "accept");
  request.accept = accept;
  request.content_type = lower(header(http, "content-type").substr(0, header(http, "content-type").find(';')));
  bool resource = parse_target(http.target, http.method, request);
  bool write = http.method != "GET" && http.method != "HEAD";
  if (request.verb == "watch")
    ++counters.watches;
  else
    ++(write ? counters.writes : counters.reads);
  const Fault* fault = strike(request);
  port::Duration latency{0};
  auto struck = [&] {
    Reply reply;
    if (fault->drop) {
      reply.drop = true;
    } else {
      Json details = Json::object();
      if (fault->retry_after_seconds) details["retryAfterSeconds"] = fault->retry_after_seconds;
      std::string reason = !fault->reason.empty() ? fault->reason
                           : fault->status == 429 ? "TooManyRequests"
                           : fault->status == 503 ? "ServiceUnavailable"
                           : fault->status == 401 ? "Unauthorized"
                           : fault->status == 403 ? "Forbidden"
                           : fault->status == 409 ? "Conflict"
                           : fault->status == 504 ? "Timeout"
                                                  : "InternalError";
      reply = fail(make_status(fault->status, reason, !fault->message.empty() ? fault->message : "injected fault",
                               std::move(details)));
    }
    reply.latency = fault->latency;
    return reply;
  };
  if (fault) {
    latency = fault->latency;
    if (!fault->after && (fault->drop || fault->status)) return struck();
  }
  Reply reply;
  if (!resource) {
    if (auto found = discovery(request.path, request)) {
      reply = std::move(*found);
    } else if (request.path.starts_with("/api") && request.kind == nullptr &&
               split_view(request.path, '/').size() > 4 &&
               std::any_of(preferred_order.begin(), preferred_order.end(), [&](const Served* s) {
                 return request.path.starts_with(s->info.group.empty() ? "/api/" + s->info.version + "/"
                                                                       : "/apis/" + s->info.api_version() + "/");
               })) {
      reply = fail(make_status(404, "NotFound", "the server could not find the requested resource", Json::object()));
    } else {
      reply.status = 404;
      reply.headers.push_back({"Content-Type", "text/plain; charset=utf-8"});
      reply.body = "404 page not found\n";
    }
  } else {
    request.body = http.body;
    std::vector<std::string> warnings;
    request.write.warnings = &warnings;
    std::string manager(request.param("fieldManager"));
    if (manager.empty() && !(request.content_type.starts_with("application/apply-patch")))
      manager = manager_of(header(http, "user-agent"));
    request.write.caller = {manager, "kubernetes-admin"};
    request.write.subresource = request.subresource;
    std::string_view validation = request.param("fieldValidation");
    request.write.validation = validation == "Strict"   ? Validation::strict
                               : validation == "Ignore" ? Validation::ignore
                                                        : Validation::warn;
    request.write.force = request.flag("force");
    for (const auto& [key, v] : request.query)
      if (key == "dryRun") {
        if (v != "All")
          throw Refused{make_status(422, "Invalid",
                                    fmt::format("CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: "
                                                "[\"{}\"]: supported values: \"All\"",
                                                v),
                                    {{"group", "meta.k8s.io"}, {"kind", "CreateOptions"}})};
        request.write.dry_run = true;
      }
    reply = serve(request);
  }
  if (fault && fault->after && (fault->drop || fault->status)) return struck();
  reply.latency = latency;
  return reply;
}

Parsed Server::Impl::body_of(const Request& request, std::string_view kind) const {
  return read_body(request.body, request.content_type, kind,
                   [this](const std::string& api_version, const std::string& name) -> const Struct* {
                     if (const Served* found = served_kind(api_version, name)) return found->type.object;
                     if (name == "DeleteOptions") return schema.find("meta.v1.DeleteOptions");
                     if (name == "Eviction" && api_version == "policy/v1") return schema.find("policy.v1.Eviction");
                     if (name == "Scale" && api_version == "autoscaling/v1") return schema.find("autoscaling.v1.Scale");
                     if (name == "TokenRequest") return schema.find("authentication.v1.TokenRequest");
                     return nullptr;
                   });
}

Reply Server::Impl::serve(Request& request) {
  const Served& kind = *request.kind;
  const ResourceInfo& info = kind.info;
  const WriteOptions& write = request.write;
  auto method_not_allowed = [&] {
    return Refused{make_status(405, "MethodNotAllowed",
                               "the server does not allow this method on the requested resource", Json::object())};
  };
  if (!request.subresource.empty() && request.subresource != "status") return subresource(request);
  if (request.subresource == "status" && !kind.status)
    throw Refused{make_status(404, "NotFound", "the server could not find the requested resource", Json::object())};
  if (!info.has(request.verb == "update" || request.verb == "patch" || request.verb == "get" ? request.verb
                                                                                             : request.verb)) {
    throw method_not_allowed();
  }
  if (request.verb == "get")
    return object_reply(request, 200, converted(kind, read(kind, request.ns, request.name)), {});
  if (request.verb == "list") return list(request);
  if (request.verb == "deletecollection")
    return object_reply(request, 200, remove_collection(request).object, *write.warnings);
  if (request.verb == "delete") {
    DeleteOptions wanted;
    if (!request.body.empty()) {
      Json body = body_of(request, "DeleteOptions").value;
      if (!body.is_object()) throw bad_request("the object provided is unrecognized (must be of type DeleteOptions)");
      wanted.propagation = value::string_at(body, "propagationPolicy");
      if (wanted.propagation.empty())
        if (const Json* orphan = value::find(body, "orphanDependents"); orphan && orphan->is_boolean())
          wanted.propagation = orphan->get<bool>() ? "Orphan" : "Background";
      if (const Json* grace = value::find(body, "gracePeriodSeconds"); grace && grace->is_number_integer())
        wanted.grace_period_seconds = grace->get<std::int64_t>();
      wanted.uid = value::string_at(body, "preconditions", "uid");
      wanted.resource_version = value::string_at(body, "preconditions", "resourceVersion");
      if (const Json* dry = value::find(body, "dryRun"); dry && dry->is_array() && !dry->empty())
        request.write.dry_run = true;
    }
    if (!request.param("propagationPolicy").empty()) wanted.propagation = request.param("propagationPolicy");
    if (std::string_view grace = request.param("gracePeriodSeconds"); !grace.empty()) {
      std::int64_t seconds = 0;
      std::from_chars(grace.data(), grace.data() + grace.size(), seconds);
      wanted.grace_period_seconds = seconds;
    }
    Outcome done = remove(kind, request.ns, request.name, wanted, request.write);
    if (done.status.is_object()) return json_reply(200, done.status);
    return object_reply(request, 200, converted(kind, done.object), *write.warnings);
  }
  if (request.verb == "create" || request.verb == "update") {
    Parsed body = body_of(request, info.kind);
    if (!info.stored) {
      Outcome answer = review(kind, request.ns, std::move(body.value));
      return object_reply(request, answer.code, answer.object, {});
    }
    if (request.verb == "create") {
      if (!request.name.empty()) throw method_not_allowed();
      Json object = decode_incoming(kind, std::move(body.value), write, body.duplicates);
      Outcome made = create(kind, request.ns, std::move(object), write);
      return object_reply(request, made.code, converted(kind, made.object), *write.warnings);
    }
    Json object = decode_incoming(kind, std::move(body.value), write, body.duplicates);
    Outcome made = update(kind, request.ns, request.name, std::move(object), write);
    return object_reply(request, made.code, converted(kind, made.object), *write.warnings);
  }
  if (request.verb == "patch") {
    Outcome made;
    if (request.content_type == "application/apply-patch+yaml" ||
        request.content_type == "application/apply-patch+cbor") {
      Parsed body = read_body(request.body, "application/yaml", info.kind);
      if (!body.duplicates.empty() && write.validation == Validation::strict)
        throw bad_request(fmt::format("strict decoding error: key \"{}\" already set in map", body.duplicates[0]));
      if (write.validation == Validation::warn)
        for (const auto& path : body.duplicates) write.warn(fmt::format("duplicate field \"{}\"", path));
      made = apply(kind, request.ns, request.name, std::move(body.value), write);
    } else {
      if (write.force)
        throw Refused{make_status(
            422, "Invalid",
            "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch",
            {{"group", "meta.k8s.io"},
             {"kind", "PatchOptions"},
             {"causes", Json::array({{{"reason", "FieldValueForbidden"},
                                      {"message", "Forbidden: may not be specified for non-apply patch"},
                                      {"field", "force"}}})}})};
      Parsed body = read_body(request.body, "application/json", info.kind);
      made = patch(kind, request.ns, request.name, request.content_type, body.value, write);
    }
    return object_reply(request, made.code, converted(kind, made.object), *write.warnings);
  }
  throw method_not_allowed();
}

}  // namespace nautilus::sim
