#include "core/sim/api/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Splits at commas that are not inside parentheses.
std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      parts.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  return parts;
}

[[noreturn]] void malformed(std::string_view text) {
  throw bad_request(fmt::format("unable to parse requirement: found '{}', expected: identifier", text));
}

bool label_key_ok(std::string_view key) {
  if (key.empty() || key.size() > 317) return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/';
  });
}

Requirement parse_term(std::string_view term) {
  Requirement made;
  if (term.starts_with('!')) {
    made.op = Requirement::Op::absent;
    made.key = trim(term.substr(1));
    if (!label_key_ok(made.key)) malformed(term);
    return made;
  }
  auto set = [&](Requirement::Op op, std::size_t at, std::size_t length) {
    made.op = op;
    made.key = trim(term.substr(0, at));
    made.values = {std::string(trim(term.substr(at + length)))};
  };
  if (auto open = term.find('('); open != std::string_view::npos && term.back() == ')') {
    std::string_view head = trim(term.substr(0, open));
    auto space = head.rfind(' ');
    if (space == std::string_view::npos) malformed(term);
    std::string_view op = head.substr(space + 1);
    if (op != "in" && op != "notin") malformed(op);
    made.op = op == "in" ? Requirement::Op::in : Requirement::Op::not_in;
    made.key = trim(head.substr(0, space));
    for (auto value : split_view(term.substr(open + 1, term.size() - open - 2), ','))
      made.values.emplace_back(trim(value));
  } else if (auto ne = term.find("!="); ne != std::string_view::npos) {
    set(Requirement::Op::not_in, ne, 2);
  } else if (auto ee = term.find("=="); ee != std::string_view::npos) {
    set(Requirement::Op::in, ee, 2);
  } else if (auto eq = term.find('='); eq != std::string_view::npos) {
    set(Requirement::Op::in, eq, 1);
  } else if (auto gt = term.find('>'); gt != std::string_view::npos) {
    set(Requirement::Op::greater, gt, 1);
  } else if (auto lt = term.find('<'); lt != std::string_view::npos) {
    set(Requirement::Op::less, lt, 1);
  } else {
    made.key = term;
  }
  if (!label_key_ok(made.key)) malformed(term);
  for (const auto& value : made.values)
    if (value.find_first_of("=!<>() ") != std::string::npos) malformed(term);
  return made;
}

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

LabelSelector LabelSelector::parse(std::string_view text) {
  LabelSelector made;
  if (trim(text).empty()) return made;
  for (auto term : split_terms(text)) {
    if (term.empty()) malformed(text);
    made.requirements_.push_back(parse_term(term));
  }
  return made;
}

LabelSelector LabelSelector::of(const Json* selector) {
  LabelSelector made;
  if (!selector || !selector->is_object()) {
    made.nothing_ = true;
    return made;
  }
  if (const Json* labels = value::find(*selector, "matchLabels"); labels && labels->is_object())
    for (const auto& [key, v] : labels->items())
      if (v.is_string()) made.requirements_.push_back({Requirement::Op::in, key, {v.get<std::string>()}});
  if (const Json* list = value::find(*selector, "matchExpressions"); list && list->is_array())
    for (const Json& item : *list) {
      Requirement r;
      r.key = value::string_at(item, "key");
      std::string op = value::string_at(item, "operator");
      r.op = op == "In"             ? Requirement::Op::in
             : op == "NotIn"        ? Requirement::Op::not_in
             : op == "DoesNotExist" ? Requirement::Op::absent
                                    : Requirement::Op::exists;
      if (const Json* values = value::find(item, "values"); values && values->is_array())
        for (const Json& v : *values)
          if (v.is_string()) r.values.push_back(v.get<std::string>());
      made.requirements_.push_back(std::move(r));
    }
  return made;
}

bool LabelSelector::matches(const Json* labels) const {
  if (nothing_) return false;
  for (const auto& r : requirements_) {
    const Json* found = labels && labels->is_object() ? value::find(*labels, r.key) : nullptr;
    bool present = found && found->is_string();
    std::string_view text = present ? std::string_view(found->get_ref<const std::string&>()) : std::string_view();
    bool listed = present && std::find(r.values.begin(), r.values.end(), text) != r.values.end();
    bool good = true;
    switch (r.op) {
      case Requirement::Op::in: good = listed; break;
      case Requirement::Op::not_in: good = !listed; break;
      case Requirement::Op::exists: good = present; break;
      case Requirement::Op::absent: good = !present; break;
      case Requirement::Op::greater:
      case Requirement::Op::less: {
        auto left = integer(text), right = r.values.empty() ? std::nullopt : integer(r.values[0]);
        good = present && left && right && (r.op == Requirement::Op::greater ? *left > *right : *left < *right);
      }
    }
    if (!good) return false;
  }
  return true;
}

std::string LabelSelector::text() const {
  std::vector<const Requirement*> sorted;
  for (const auto& r : requirements_) sorted.push_back(&r);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
  std::string text;
  for (const auto* r : sorted) {
    if (!text.empty()) text += ",";
    std::string values;
    for (const auto& v : r->values) values += (values.empty() ? "" : ",") + v;
    switch (r->op) {
      case Requirement::Op::in:
        text += r->values.size() == 1 ? r->key + "=" + values : r->key + " in (" + values + ")";
        break;
      case Requirement::Op::not_in: text += r->key + " notin (" + values + ")"; break;
      case Requirement::Op::absent: text += "!" + r->key; break;
      case Requirement::Op::greater: text += r->key + ">" + values; break;
      case Requirement::Op::less: text += r->key + "<" + values; break;
      case Requirement::Op::exists: text += r->key; break;
    }
  }
  return text;
}

namespace {

// Fields that can be selected beside metadata.name and metadata.namespace.
struct Selectable {
  std::string_view kind;
  std::initializer_list<std::string_view> fields;
};
const Selectable kSelectable[] = {
    {"Pod",
     {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
      "status.phase", "status.podIP", "status.nominatedNodeName"}},
    {"Event",
     {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
      "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
      "reportingComponent", "source", "type"}},
    {"Secret", {"type"}},
    {"Namespace", {"status.phase"}},
    {"Node", {"spec.unschedulable"}},
    {"ReplicationController", {"status.replicas"}},
    {"ReplicaSet", {"status.replicas"}},
    {"Job", {"status.successful"}},
    {"Service", {"spec.clusterIP", "spec.type"}},
    {"CertificateSigningRequest", {"spec.signerName"}},
};

std::string field_text(const Json& object, std::string_view path) {
  if (path == "source") path = "source.component";
  if (path == "status.successful") path = "status.succeeded";
  const Json* found = field_at(object, path);
  if (!found || found->is_null()) {
    if (path.ends_with("unschedulable") || path.ends_with("hostNetwork")) return "false";
    if (path.ends_with("replicas") || path.ends_with("succeeded")) return "0";
    return {};
  }
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace

FieldSelector FieldSelector::parse(std::string_view text, std::string_view kind,
                                   const std::vector<std::string>& extra) {
  FieldSelector made;
  if (text.empty()) return made;
  for (auto term : split_view(text, ',')) {
    Term t;
    std::size_t at;
    if ((at = term.find("!=")) != std::string_view::npos) {
      t = {std::string(term.substr(0, at)), std::string(term.substr(at + 2)), false};
    } else if ((at = term.find("==")) != std::string_view::npos) {
      t = {std::string(term.substr(0, at)), std::string(term.substr(at + 2)), true};
    } else if ((at = term.find('=')) != std::string_view::npos) {
      t = {std::string(term.substr(0, at)), std::string(term.substr(at + 1)), true};
    } else {
      throw bad_request(fmt::format("invalid selector: '{}'; can't understand '{}'", text, term));
    }
    bool known = t.field == "metadata.name" || t.field == "metadata.namespace" ||
                 std::find(extra.begin(), extra.end(), t.field) != extra.end();
    for (const auto& row : kSelectable)
      if (row.kind == kind) known |= std::find(row.fields.begin(), row.fields.end(), t.field) != row.fields.end();
    if (!known) throw bad_request(fmt::format("field label not supported: {}", t.field));
    made.terms_.push_back(std::move(t));
  }
  return made;
}

bool FieldSelector::matches(const Json& object) const {
  for (const auto& t : terms_)
    if ((field_text(object, t.field) == t.value) != t.equal) return false;
  return true;
}

}  // namespace nautilus::sim
