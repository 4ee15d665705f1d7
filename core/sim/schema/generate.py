#!/usr/bin/env python3
"""Writes kubernetes_data.cpp, the schema table of the simulated API server.

usage: generate.py MODULE_CACHE > kubernetes_data.cpp

MODULE_CACHE is a Go module cache that holds k8s.io/kubernetes@v1.37.2 and the staging modules it names
(`go mod download k8s.io/kubernetes@v1.37.2 k8s.io/api@v0.37.2 k8s.io/apimachinery@v0.37.2
k8s.io/apiextensions-apiserver@v0.37.2 k8s.io/kube-aggregator@v0.37.2`). Read from it: the OpenAPI documents and the
discovery document of the API server, and the JSON tags of the Go types. Kubernetes is licensed under Apache-2.0; what is
taken are facts of its public API (names, types, list keys), none of its text.

The table has two kinds of line, see schema.h for the reader:
  R group version resource singular kind scope verbs short-names categories type subresources
  T name flags, followed by one line per field: name type attributes
Types:  s string  i int32  I int64  n number  b bool  q quantity  x int-or-string  t time  u micro time  y bytes
        j anything  @Name struct  [T list  {T map
Attributes:  ! required  * pointer  o omitempty  z omitzero  La Ls Lm:keys list kinds  Ma atomic map
        P:strategy:key strategic merge  d=default (only where a list key has one)  #N field number in protobuf, #M.N where
        Go embeds a struct that protobuf nests as field M
"""
import glob, json, os, re, sys

VERSION = "v1.37.2"
STAGING = "v0.37.2"
SERVED = {"": ["v1"], "apps": ["v1"], "batch": ["v1"], "autoscaling": ["v2", "v1"], "policy": ["v1"],
          "networking.k8s.io": ["v1"], "rbac.authorization.k8s.io": ["v1"], "storage.k8s.io": ["v1"],
          "coordination.k8s.io": ["v1"], "discovery.k8s.io": ["v1"], "scheduling.k8s.io": ["v1"],
          "admissionregistration.k8s.io": ["v1"], "apiextensions.k8s.io": ["v1"], "apiregistration.k8s.io": ["v1"],
          "events.k8s.io": ["v1"], "authentication.k8s.io": ["v1"], "authorization.k8s.io": ["v1"],
          "node.k8s.io": ["v1"], "certificates.k8s.io": ["v1"], "flowcontrol.apiserver.k8s.io": ["v1"]}
SPECIAL = {"meta.v1.Time": "t", "meta.v1.MicroTime": "u", "intstr.IntOrString": "x", "resource.Quantity": "q",
           "runtime.RawExtension": "j", "meta.v1.FieldsV1": "j", "apiext.v1.JSON": "j",
           "apiext.v1.JSONSchemaPropsOrArray": "j", "apiext.v1.JSONSchemaPropsOrBool": "j",
           "apiext.v1.JSONSchemaPropsOrStringArray": "j", "meta.v1.Patch": "j"}
PREFIXES = [("io.k8s.api.", ""), ("io.k8s.apimachinery.pkg.apis.meta.", "meta."), ("io.k8s.apimachinery.pkg.util.", ""),
            ("io.k8s.apimachinery.pkg.api.", ""), ("io.k8s.apimachinery.pkg.", ""),
            ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.", "apiext."),
            ("io.k8s.kube-aggregator.pkg.apis.apiregistration.", "apireg.")]


def short(name):
    for prefix, replacement in PREFIXES:
        if name.startswith(prefix):
            return replacement + name[len(prefix):]
    return name


def go_packages(cache):
    root = lambda module: os.path.join(cache, "k8s.io", module + "@" + STAGING)
    yield "meta.v1", os.path.join(root("apimachinery"), "pkg/apis/meta/v1")
    yield "version", os.path.join(root("apimachinery"), "pkg/version")
    yield "apiext.v1", os.path.join(root("apiextensions-apiserver"), "pkg/apis/apiextensions/v1")
    yield "apireg.v1", os.path.join(root("kube-aggregator"), "pkg/apis/apiregistration/v1")
    for path in glob.glob(os.path.join(root("api"), "*", "*")):
        if os.path.isdir(path):
            yield ".".join(path.split(os.sep)[-2:]), path


def go_structs(cache):
    """(package, type) -> {json name: (go type, tag options)}; embedded structs are inlined by name."""
    structs, embeds, aliases = {}, {}, {}
    for package, path in go_packages(cache):
        for file in glob.glob(os.path.join(path, "*.go")):
            if file.endswith("_test.go") or "zz_generated" in file or file.endswith("generated.pb.go"):
                continue
            text = open(file).read()
            for name, target in re.findall(r"^type (\w+) (string|bool|u?int\d*|map\[.*|\[\].*|float64)$", text, re.M):
                aliases[(package, name)] = target
            for name, target in re.findall(r"^\t(\w+) (string|int32)$", text, re.M):
                pass
            for name, body in re.findall(r"^type (\w+) struct \{\n(.*?)^\}", text, re.M | re.S):
                fields, inline = {}, []
                for line in body.split("\n"):
                    match = re.match(r"^\t(?:(\w+)\s+)?(\S+)\s+`.*?json:\"([^\"]*)\".*`", line)
                    if not match:
                        continue
                    go_name, go_type, tag = match.groups()
                    number = re.search(r'protobuf:"[^,"]*,(\d+)', line)
                    number = number.group(1) if number else None
                    parts = tag.split(",")
                    if parts[0] == "" and (go_name is None or "inline" in parts):
                        inline.append((go_type.split(".")[-1], number))
                    elif parts[0] != "-":
                        fields[parts[0]] = (go_type, parts[1:], number)
                structs[(package, name)] = fields
                embeds[(package, name)] = inline
    for key, inline in embeds.items():
        for name, number in inline:
            source = structs.get((key[0], name)) or structs.get(("meta.v1", name)) or structs.get(("core.v1", name)) or {}
            for field, (go_type, options, own) in source.items():
                structs[key].setdefault(field, (go_type, options, "%s.%s" % (number, own) if number and own else None))
    return structs, aliases


def type_of(prop):
    if "$ref" in prop:
        name = short(prop["$ref"].rsplit("/", 1)[1])
        return SPECIAL.get(name, "@" + name)
    kind, fmt = prop.get("type"), prop.get("format")
    if kind == "array":
        return "[" + type_of(prop["items"])
    if kind == "object":
        return "{" + type_of(prop["additionalProperties"]) if "additionalProperties" in prop else "j"
    if kind == "string":
        return {"byte": "y", "int-or-string": "x", "date-time": "t"}.get(fmt, "s")
    if kind == "integer":
        return "I" if fmt == "int64" else "i"
    return {"number": "n", "boolean": "b"}.get(kind, "j")


def defaults(base):
    """(type, field) -> default of every field that a list is keyed by and that has one."""
    found = {}
    for file in glob.glob(os.path.join(base, "api/openapi-spec/v3/*.json")):
        for name, schema in json.load(open(file)).get("components", {}).get("schemas", {}).items():
            for field, prop in schema.get("properties", {}).items():
                value = prop.get("default")
                if isinstance(value, (str, int)) and value not in ("", 0):
                    found[(short(name), field)] = value
    return found


def main(cache):
    base = os.path.join(cache, "k8s.io", "kubernetes@" + VERSION)
    swagger = json.load(open(os.path.join(base, "api/openapi-spec/swagger.json")))
    discovery = json.load(open(os.path.join(base, "api/discovery/aggregated_v2.json")))
    core = json.load(open(os.path.join(base, "api/discovery/api__v1.json")))
    definitions = {short(name): schema for name, schema in swagger["definitions"].items()}
    structs, _ = go_structs(cache)
    default = defaults(base)
    kinds = {}
    for name, schema in definitions.items():
        for gvk in schema.get("x-kubernetes-group-version-kind", []):
            kinds.setdefault((gvk["group"], gvk["version"], gvk["kind"]), name)
    wanted, lines, resources = [], [], []

    def want(name):
        if name in SPECIAL or name not in definitions or name in want.seen:
            return
        want.seen.add(name)
        wanted.append(name)
    want.seen = set()

    groups = [("", "v1", legacy(core))]
    order = ["apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "autoscaling",
             "batch", "certificates.k8s.io", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "storage.k8s.io",
             "admissionregistration.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io", "coordination.k8s.io",
             "node.k8s.io", "discovery.k8s.io", "flowcontrol.apiserver.k8s.io"]
    for item in sorted(discovery["items"], key=lambda i: order.index(i["metadata"]["name"]) if i["metadata"]["name"] in order else 99):
        group = item["metadata"]["name"]
        for version in item["versions"]:
            if version["version"] in SERVED.get(group, []):
                groups.append((group, version["version"], version["resources"]))
    for group, version, rows in groups:
        for row in rows:
            kind = row["responseKind"]["kind"]
            name = kinds.get((group, version, kind), "-")
            want(name)
            subs = []
            for sub in row.get("subresources", []):
                gvk = sub["responseKind"]
                target = kinds.get((gvk.get("group") or group, gvk.get("version") or version, gvk["kind"]))
                if target:
                    want(target)
                subs.append("%s=%s/%s/%s=%s" % (sub["subresource"], gvk.get("group", ""), gvk.get("version", ""), gvk["kind"],
                                              ",".join(sub["verbs"])))
            resources.append("R %s %s %s %s %s %s %s %s %s %s %s" % (
                group or "-", version, row["resource"], row.get("singularResource") or "-", kind,
                "N" if row["scope"] == "Namespaced" else "C", ",".join(row["verbs"]) or "-",
                ",".join(row.get("shortNames", [])) or "-", ",".join(row.get("categories", [])) or "-", name,
                ";".join(subs) or "-"))
    want("autoscaling.v1.Scale")
    want("authentication.v1.TokenRequest")
    want("meta.v1.DeleteOptions")
    want("meta.v1.Status")
    want("policy.v1.Eviction")
    index = 0
    while index < len(wanted):
        name = wanted[index]
        index += 1
        schema = definitions[name]
        go = structs.get(tuple(name.rsplit(".", 1)), {})
        flags = "a" if schema.get("x-kubernetes-map-type") == "atomic" else "-"
        lines.append("T %s %s" % (name, flags))
        required = set(schema.get("required", []))
        for field, prop in sorted(schema.get("properties", {}).items()):
            kind = type_of(prop)
            for ref in re.findall(r"@(\S+)", kind):
                want(ref)
            attributes = []
            if field in required:
                attributes.append("!")
            go_type, options, number = go.get(field, (None, [], None))
            if go_type is None:
                if field not in ("apiVersion", "kind"):
                    sys.stderr.write("no Go field for %s.%s\n" % (name, field))
                attributes.append("o")
            else:
                if go_type.startswith("*"):
                    attributes.append("*")
                if "omitempty" in options:
                    attributes.append("o")
                if "omitzero" in options:
                    attributes.append("z")
            list_type = prop.get("x-kubernetes-list-type")
            if kind.startswith("["):
                if list_type == "map":
                    attributes.append("Lm:" + ",".join(prop["x-kubernetes-list-map-keys"]))
                elif list_type == "set":
                    attributes.append("Ls")
                elif list_type == "atomic":
                    attributes.append("La")
            if prop.get("x-kubernetes-map-type") == "atomic":
                attributes.append("Ma")
            if "x-kubernetes-patch-strategy" in prop or "x-kubernetes-patch-merge-key" in prop:
                attributes.append("P:%s:%s" % (prop.get("x-kubernetes-patch-strategy", ""), prop.get("x-kubernetes-patch-merge-key", "")))
            if (name, field) in default:
                attributes.append("d=%s" % default[(name, field)])
            if number:
                attributes.append("#" + number)
            lines.append(" ".join([field, kind] + attributes))
    emit("\n".join(resources + lines) + "\n")


def legacy(document):
    """The core group's discovery in the aggregated form."""
    rows, subs = [], {}
    for entry in document["resources"]:
        kind = {"group": entry.get("group", ""), "version": entry.get("version", ""), "kind": entry["kind"]}
        if "/" in entry["name"]:
            parent, sub = entry["name"].split("/", 1)
            subs.setdefault(parent, []).append({"subresource": sub, "responseKind": kind, "verbs": entry["verbs"]})
        else:
            rows.append({"resource": entry["name"], "singularResource": entry["singularName"], "responseKind": kind,
                         "scope": "Namespaced" if entry["namespaced"] else "Cluster", "verbs": entry["verbs"],
                         "shortNames": entry.get("shortNames", []), "categories": entry.get("categories", [])})
    for row in rows:
        row["subresources"] = subs.get(row["resource"], [])
    return rows


def emit(text):
    print("// Generated by core/sim/schema/generate.py from Kubernetes %s (Apache-2.0). Do not edit." % VERSION)
    print("#include <string_view>\n")
    print("namespace nautilus::sim {")
    print("extern const std::string_view kSchemaData;")
    print("// One literal of the whole table: read-only memory, no work at start.")
    print('#pragma GCC diagnostic ignored "-Woverlength-strings"  // clang: more than the standard promises')
    print("constinit const std::string_view kSchemaData =")
    chunk, size = [], 0
    for line in text.split("\n")[:-1]:
        chunk.append(line)
        size += len(line)
        if size > 12000:
            print('R"~(' + "\n".join(chunk) + '\n)~"')
            chunk, size = [], 0
    print('R"~(' + "\n".join(chunk) + '\n)~"')
    print(";")
    print("}  // namespace nautilus::sim")


if __name__ == "__main__":
    main(sys.argv[1])
