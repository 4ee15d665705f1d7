// versions.end-of-life: nothing runs that nobody mends any more.
//
// The dates are data: manifests/eol.yaml. An image belongs to a product by its repository's name; its cycle is the
// longest one that its version begins with.
#include <fmt/format.h>

#include <set>

#include "core/base/text.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

std::optional<std::chrono::sys_days> day_of(std::string_view text) {
  const auto parts = base::split(text, '-');
  if (parts.size() != 3) return std::nullopt;
  int numbers[3] = {};
  for (int i = 0; i < 3; ++i)
    for (const char c : parts[static_cast<std::size_t>(i)]) {
      if (c < '0' || c > '9' || numbers[i] > 9999) return std::nullopt;
      numbers[i] = numbers[i] * 10 + (c - '0');
    }
  const std::chrono::year_month_day date{std::chrono::year(numbers[0]),
                                         std::chrono::month(static_cast<unsigned>(numbers[1])),
                                         std::chrono::day(static_cast<unsigned>(numbers[2]))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

bool begins_with_version(std::string_view version, std::string_view cycle) {
  return version.starts_with(cycle) &&
         (version.size() == cycle.size() || version[cycle.size()] < '0' || version[cycle.size()] > '9');
}

const Json* cycle_of(const Json& product, std::string_view version) {
  const Json* best = nullptr;
  std::size_t length = 0;
  if (const Json* cycles = value::find(product, "cycles"); cycles && cycles->is_array())
    for (const Json& one : *cycles) {
      const std::string name = value::string_at(one, "cycle");
      if (!name.empty() && name.size() > length && begins_with_version(version, name)) {
        best = &one;
        length = name.size();
      }
    }
  return best;
}

void judge(const Input& input, const Json& product, std::string version, const std::string& place, Answer& answer) {
  const std::string name = value::string_at(product, "product");
  if (const std::string prefix = value::string_at(product, "tagPrefix"); !prefix.empty() && version.starts_with(prefix))
    version = version.substr(prefix.size());
  if (version.starts_with("v")) version = version.substr(1);
  answer.read(place, version, name);
  const Json* cycle = cycle_of(product, version);
  if (!cycle)
    return answer.missing(fmt::format("{} {}: manifests/eol.yaml does not know that cycle", name, version), place);
  const std::string end = value::string_at(*cycle, "end");
  const std::string label = fmt::format("{} {}", name, value::string_at(*cycle, "cycle"));
  if (end == "none") return answer.holds(label + ": no end has been announced", place);
  const auto last = day_of(end);
  if (!last) return answer.missing(fmt::format("{}: its end \"{}\" is no date", label, end), place);
  const auto left = (*last - input.today).count();
  answer.judge(left >= 0,
               left >= 0 ? fmt::format("{}: mended until {}, {} days from now", label, end, left)
                         : fmt::format("{}: not mended since {}, {} days ago", label, end, -left),
               place);
}

void end_of_life(const Input& input, Answer& answer) {
  const Json* products = value::find(input.ends_of_life, "products");
  if (!products || !products->is_array()) return answer.missing("there is no manifests/eol.yaml to judge by");
  const std::chrono::year_month_day today(input.today);
  answer.note(fmt::format("judged as of {:04}-{:02}-{:02}", static_cast<int>(today.year()),
                          static_cast<unsigned>(today.month()), static_cast<unsigned>(today.day())));
  std::map<std::string, std::string> images;  // reference without digest -> the first place
  for (const PodSet& set : input.platform.pods()) {
    for (const Container& container : containers(set))
      images.emplace(value::string_at(*container.json, "image"), set.at(container.path + ".image"));
    if (set.operated) images.emplace(value::string_at(*set.object, "spec", "image"), set.at("spec.image"));
  }
  std::set<std::string> unknown;
  for (const auto& [reference, place] : images) {
    if (reference.empty() || reference == "auto") continue;
    const std::string plain = reference.substr(0, reference.find('@'));
    const auto colon = plain.rfind(':');
    if (colon == std::string::npos || plain.find('/', colon) != std::string::npos) continue;
    const std::string repository = plain.substr(0, colon), tag = plain.substr(colon + 1);
    bool known = false;
    for (const Json& product : *products) {
      const Json* list = value::find(product, "images");
      if (!list || !list->is_array()) continue;
      for (const Json& one : *list)
        if (one.is_string() &&
            (repository == one.get_ref<const std::string&>() || repository.ends_with("/" + one.get<std::string>()))) {
          known = true;
          judge(input, product, tag, place, answer);
        }
    }
    if (!known) unknown.insert(repository);
  }
  for (const Json& product : *products)
    if (value::string_at(product, "product") == "kubernetes" && !input.env.kube_version.empty())
      judge(input, product, input.env.kube_version, input.env.file + ": spec.kubeVersion", answer);
  // Retired kinds of things: an ingress class whose controller nobody mends.
  for (const Json& product : *products)
    if (const std::string retired = value::string_at(product, "ingressClass"); !retired.empty())
      for (const Json* ingress : input.platform.of_kind("Ingress"))
        if (value::string_at(*ingress, "spec", "ingressClassName") == retired &&
            value::string_at(*ingress, "metadata", "annotations", "nautilus.trading.com/ingress-controller").empty())
          answer.note(id_of(*ingress) + " is of class " + retired +
                      ": which controller serves it is not in the manifests (finding 18)");
  for (const std::string& repository : unknown) answer.missing("manifests/eol.yaml keeps no dates for it", repository);
}

constexpr Check kChecks[] = {
    {"versions.end-of-life", "Nothing runs that nobody mends any more.",
     "The version of each image, and the Kubernetes version that the environment assumes, against the end of its cycle "
     "in manifests/eol.yaml, as of today (--date).",
     "Kubernetes 1.27, Jaeger v1 and ingress-nginx get no fixes; nobody is told when the next hole is found.",
     "Move to a cycle that is mended.", "18, 19, 29, 31, 32", end_of_life},
};

}  // namespace

std::span<const Check> version_checks() { return kChecks; }

}  // namespace nautilus::verify
