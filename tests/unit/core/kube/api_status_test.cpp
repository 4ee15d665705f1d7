#include "core/kube/api_status.h"

#include <doctest/doctest.h>

namespace nautilus::kube {
namespace {

Error error_for(int status, const std::string& body, const std::string& method = "PATCH",
                const std::string& target = "/apis/apps/v1/namespaces/n/deployments/web?fieldManager=x") {
  const auto parsed = value::parse_json(body, "test");
  REQUIRE(parsed.ok());
  return error_of(status, ApiStatus::parse(*parsed), body, subject_of(method, target), "https://api.test");
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the subject of a request is read back from its target") {
  struct Case {
    const char *method, *target, *text;
  };
  const Case cases[] = {
      {"GET", "/api/v1/namespaces/n/pods/p", "get pods p in namespace n"},
      {"GET", "/api/v1/pods?limit=500", "list pods"},
      {"GET", "/api/v1/namespaces/n/pods?watch=true", "watch pods in namespace n"},
      {"POST", "/apis/apps/v1/namespaces/n/deployments", "create deployments.apps in namespace n"},
      {"PATCH", "/apis/apps/v1/namespaces/n/deployments/d/status", "patch deployments/status.apps d in namespace n"},
      {"DELETE", "/api/v1/namespaces/n", "delete namespaces n"},
      {"DELETE", "/api/v1/namespaces/n/pods", "deletecollection pods in namespace n"},
      {"PUT", "/api/v1/namespaces/n/status", "update namespaces/status n"},
      {"GET", "/version", "get /version"},
      {"PUT", "/apis/rbac.authorization.k8s.io/v1/clusterroles/a%3Ab",
       "update clusterroles.rbac.authorization.k8s.io a:b"},
  };
  for (const Case& c : cases) CHECK(subject_of(c.method, c.target).text() == c.text);
}

TEST_CASE("what the server refuses is said with the cause and the way out") {
  struct Case {
    const char* name;
    int status;
    const char* body;
    Code code;
    std::vector<const char*> message, hint;
  };
  const Case cases[] = {
      {"rbac",
       403,
       R"j({"kind":"Status","reason":"Forbidden","message":"deployments.apps \"web\" is forbidden: User \"bob\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"n\""})j",
       Code::forbidden,
       {"\"bob\"", "patch deployments.apps", "\"web\"", "namespace n"},
       {"Role in namespace n", R"({apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]})"}},
      {"rbac, cluster scope, core group",
       403,
       R"j({"kind":"Status","reason":"Forbidden","message":"namespaces is forbidden: User \"bob\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope: RBAC: clusterrole \"x\" not found"})j",
       Code::forbidden,
       {"list namespaces", "cluster scope", "clusterrole \"x\" not found"},
       {"ClusterRoleBinding", R"({apiGroups: [""], resources: ["namespaces"], verbs: ["list"]})"}},
      {"quota",
       403,
       R"j({"kind":"Status","reason":"Forbidden","message":"pods \"a\" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=5, limited: pods=5"})j",
       Code::forbidden,
       {"exceeded quota"},
       {"ResourceQuota compute"}},
      {"pod security",
       403,
       R"j({"kind":"Status","reason":"Forbidden","message":"pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot"})j",
       Code::forbidden,
       {"violates PodSecurity"},
       {"securityContext"}},
      {"terminating namespace",
       403,
       R"j({"kind":"Status","reason":"Forbidden","message":"configmaps \"a\" is forbidden: unable to create new content","details":{"causes":[{"reason":"NamespaceTerminating","message":"m"}]}})j",
       Code::forbidden,
       {"unable to create"},
       {"gone"}},
      {"webhook says no",
       400,
       R"j({"kind":"Status","message":"admission webhook \"policy.example.com\" denied the request: no latest tags"})j",
       Code::forbidden,
       {"no latest tags"},
       {"policy.example.com"}},
      {"webhook down",
       500,
       R"j({"kind":"Status","reason":"InternalError","message":"Internal error occurred: failed calling webhook \"policy.example.com\": connection refused"})j",
       Code::io,
       {"connection refused"},
       {"policy.example.com", "Service"}},
      {"apply conflict",
       409,
       R"j({"kind":"Status","reason":"Conflict","message":"Apply failed with 2 conflicts","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"kubectl\" using apps/v1","field":".spec.replicas"},{"reason":"FieldManagerConflict","message":"conflict with \"hpa\" with subresource \"scale\" using autoscaling/v2 at 2026-01-01T00:00:00Z","field":".spec.x"}]}})j",
       Code::conflict,
       {"2 fields", ".spec.replicas (owned by \"kubectl\" using apps/v1)",
        ".spec.x (owned by \"hpa\" using autoscaling/v2)"},
       {"take them over"}},
      {"stale write",
       409,
       R"j({"kind":"Status","reason":"Conflict","message":"the object has been modified"})j",
       Code::conflict,
       {"has been modified"},
       {"look at it again"}},
      {"exists",
       409,
       R"j({"kind":"Status","reason":"AlreadyExists","message":"x already exists"})j",
       Code::conflict,
       {"already exists"},
       {}},
      {"invalid",
       422,
       R"j({"kind":"Status","reason":"Invalid","message":"long","details":{"name":"web","group":"apps","kind":"Deployment","causes":[{"reason":"FieldValueRequired","message":"Required value","field":"spec.selector"},{"reason":"FieldValueInvalid","message":"Invalid value: -1","field":"spec.replicas"}]}})j",
       Code::invalid,
       {"Deployment.apps \"web\"", "spec.selector: Required value", "spec.replicas: Invalid value: -1"},
       {}},
      {"strict",
       400,
       R"j({"kind":"Status","reason":"BadRequest","message":"Deployment in version \"v1\" cannot be handled: strict decoding error: unknown field \"spec.foo\""})j",
       Code::invalid,
       {"spec.foo"},
       {"spelling"}},
      {"apply with an unknown field",
       500,
       R"j({"kind":"Status","message":"failed to create typed patch object (n/web; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema"})j",
       Code::invalid,
       {".spec.foo"},
       {"spelling"}},
      {"kind not served",
       404,
       R"j({"kind":"Status","reason":"NotFound","message":"the server could not find the requested resource"})j",
       Code::not_found,
       {"does not serve deployments in apps/v1"},
       {"CustomResourceDefinition"}},
      {"object missing",
       404,
       R"j({"kind":"Status","reason":"NotFound","message":"deployments.apps \"web\" not found"})j",
       Code::not_found,
       {"\"web\" not found"},
       {}},
      {"compacted", 410, R"j({"kind":"Status","reason":"Expired","message":"too old"})j", Code::gone, {"too old"}, {}},
      {"throttled",
       429,
       R"j({"kind":"Status","reason":"TooManyRequests","message":"slow down"})j",
       Code::unreachable,
       {"slow down"},
       {"overloaded"}},
      {"escape sequences",
       422,
       "{\"kind\":\"Status\",\"message\":\"a\\u001b[2Jb\\nc\\u009bd\"}",
       Code::invalid,
       {"a\\x1b[2Jb c\\x9bd"},
       {}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Error error = error_for(c.status, c.body);
    CHECK(error.code == c.code);
    CAPTURE(error.message);
    CAPTURE(error.hint);
    for (const char* part : c.message) CHECK(has(error.message, part));
    for (const char* part : c.hint) CHECK(has(error.hint, part));
    if (c.hint.empty()) CHECK(error.hint.empty());
  }
}

TEST_CASE("many conflicts are counted, not all listed") {
  Json causes = Json::array();
  for (int i = 0; i < 1000; ++i)
    causes.push_back(
        {{"reason", "FieldManagerConflict"}, {"message", "conflict with \"m\" using v1"}, {"field", ".f"}});
  const Json body{{"kind", "Status"}, {"reason", "Conflict"}, {"details", {{"causes", causes}}}};
  const Error error = error_for(409, body.dump());
  CHECK(has(error.message, "and 54 more"));
  CHECK(error.message.size() < 2000);
}

TEST_CASE("long texts are cut between characters") {
  CHECK(printable("abcdef", 4) == "abcd...");
  CHECK(printable("ab\xc3\xa9\xc3\xa9", 3) == "ab...");
  CHECK(printable("ab\xc3\xa9", 10) == "ab\xc3\xa9");
}

}  // namespace nautilus::kube
