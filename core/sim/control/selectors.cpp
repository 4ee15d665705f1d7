#include "core/sim/control/selectors.h"

#include <charconv>

namespace nautilus::sim {

using value::find;
using value::string_at;

namespace {

const std::string* label_value(const Json* labels, std::string_view key) {
  const Json* found = labels ? find(*labels, key) : nullptr;
  return found && found->is_string() ? found->get_ptr<const std::string*>() : nullptr;
}

bool contains(const Json* values, const std::string& wanted) {
  if (!values || !values->is_array()) return false;
  for (const auto& candidate : *values)
    if (candidate.is_string() && candidate.get_ref<const std::string&>() == wanted) return true;
  return false;
}

bool compares(const Json* values, const std::string& actual, bool greater) {
  if (!values || !values->is_array() || values->size() != 1 || !values->front().is_string()) return false;
  const auto& bound_text = values->front().get_ref<const std::string&>();
  std::int64_t left = 0, right = 0;
  auto parse = [](const std::string& text, std::int64_t& number) {
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    return code == std::errc() && end == text.data() + text.size();
  };
  if (!parse(actual, left) || !parse(bound_text, right)) return false;
  return greater ? left > right : left < right;
}

bool all_labels_match(const Json& wanted, const Json* labels) {
  for (const auto& [key, text] : wanted.items()) {
    const std::string* actual = label_value(labels, key);
    if (!actual || !text.is_string() || *actual != text.get_ref<const std::string&>()) return false;
  }
  return true;
}

}  // namespace

bool meets(const Json& requirement, const std::string* actual) {
  const std::string op = string_at(requirement, "operator");
  const Json* values = find(requirement, "values");
  if (op == "Exists") return actual != nullptr;
  if (op == "DoesNotExist") return actual == nullptr;
  if (op == "In") return actual && contains(values, *actual);
  if (op == "NotIn") return !actual || !contains(values, *actual);
  if (op == "Gt") return actual && compares(values, *actual, true);
  if (op == "Lt") return actual && compares(values, *actual, false);
  return false;
}

bool selects(const Json* label_selector, const Json* labels) {
  if (!label_selector || !label_selector->is_object()) return false;
  if (const Json* wanted = find(*label_selector, "matchLabels"); wanted && wanted->is_object())
    if (!all_labels_match(*wanted, labels)) return false;
  if (const Json* wanted = find(*label_selector, "matchExpressions"); wanted && wanted->is_array())
    for (const auto& requirement : *wanted)
      if (!meets(requirement, label_value(labels, string_at(requirement, "key")))) return false;
  return true;
}

bool selects_map(const Json* selector, const Json* labels) {
  return selector && selector->is_object() && !selector->empty() && all_labels_match(*selector, labels);
}

bool node_matches(const Json& node_selector, const Json& node) {
  const Json* terms = find(node_selector, "nodeSelectorTerms");
  if (!terms || !terms->is_array()) return false;
  const Json* labels = find(node, "metadata", "labels");
  for (const auto& term : *terms) {
    const Json* expressions = find(term, "matchExpressions");
    const Json* fields = find(term, "matchFields");
    bool matches = (expressions && !expressions->empty()) || (fields && !fields->empty());
    if (expressions && expressions->is_array())
      for (const auto& requirement : *expressions)
        matches = matches && meets(requirement, label_value(labels, string_at(requirement, "key")));
    if (fields && fields->is_array())
      for (const auto& requirement : *fields) {
        const Json* name = find(node, "metadata", "name");
        const bool by_name = string_at(requirement, "key") == "metadata.name" && name && name->is_string();
        matches = matches && by_name && meets(requirement, name->get_ptr<const std::string*>());
      }
    if (matches) return true;
  }
  return false;
}

bool node_affinity_matches(const Json& pod_spec, const Json& node) {
  if (const Json* wanted = find(pod_spec, "nodeSelector"); wanted && wanted->is_object())
    if (!all_labels_match(*wanted, find(node, "metadata", "labels"))) return false;
  const Json* required = find(pod_spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
  return !required || required->is_null() || node_matches(*required, node);
}

bool tolerates(const Json& pod_spec, const Json& taint) {
  const Json* tolerations = find(pod_spec, "tolerations");
  if (!tolerations || !tolerations->is_array()) return false;
  const std::string key = string_at(taint, "key"), text = string_at(taint, "value"),
                    effect = string_at(taint, "effect");
  for (const auto& toleration : *tolerations) {
    const std::string wanted_effect = string_at(toleration, "effect");
    if (!wanted_effect.empty() && wanted_effect != effect) continue;
    const std::string wanted_key = string_at(toleration, "key");
    const bool exists = string_at(toleration, "operator") == "Exists";
    if (wanted_key.empty() ? !exists : wanted_key != key) continue;
    if (exists || string_at(toleration, "value") == text) return true;
  }
  return false;
}

const Json* untolerated_taint(const Json& pod_spec, const Json& node) {
  const Json* taints = find(node, "spec", "taints");
  if (!taints || !taints->is_array()) return nullptr;
  for (const auto& taint : *taints) {
    const std::string effect = string_at(taint, "effect");
    if ((effect == "NoSchedule" || effect == "NoExecute") && !tolerates(pod_spec, taint)) return &taint;
  }
  return nullptr;
}

}  // namespace nautilus::sim
