#include "core/env/operators.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace nautilus::env {

namespace {

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// A DNS label, or labels with dots between them.
bool is_dns(std::string_view text, std::size_t most, bool dots) {
  if (text.empty() || text.size() > most || !lower_or_digit(text.front()) || !lower_or_digit(text.back())) return false;
  char before = 'a';
  for (char c : text) {
    if (!lower_or_digit(c) && c != '-' && !(dots && c == '.')) return false;
    if (c == '.' && before == '.') return false;
    before = c;
  }
  return true;
}

bool is_kind(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() >= 'A' && text.front() <= 'Z' &&
         std::all_of(text.begin(), text.end(), [](char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z'); });
}

bool is_variable(std::string_view text) {
  return !text.empty() && text.size() <= 128 && !(text.front() >= '0' && text.front() <= '9') &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; });
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  return text.size() == kPrefix.size() + 64 && text.starts_with(kPrefix) &&
         text.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

// major.minor.patch with an optional prerelease and build, as chart versions are written; a leading v is allowed.
bool is_exact_version(std::string_view text) {
  if (text.size() > 128) return false;
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto rest = text.find_first_of("-+");
  const std::string_view core = text.substr(0, rest);
  int parts = 1, digits = 0;
  for (char c : core) {
    if (c == '.' && digits > 0 && parts < 3) {
      ++parts;
      digits = 0;
    } else if (c >= '0' && c <= '9') {
      ++digits;
    } else {
      return false;
    }
  }
  if (parts != 3 || digits == 0) return false;
  if (rest == std::string_view::npos) return true;
  const std::string_view more = text.substr(rest + 1);
  return !more.empty() && std::all_of(more.begin(), more.end(), [](char c) {
    return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '+';
  });
}

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "localhost" || host.starts_with("localhost:") ||
         host.starts_with("localhost/") || host.starts_with("[::1]");
}

// What is wrong with the address of a repository; "" if nothing. Credentials in it would end up in logs and records.
std::string wrong_with_url(std::string_view url) {
  const bool tls = url.starts_with("https://"), plain = url.starts_with("http://");
  if (!tls && !plain) return "must begin with https://";
  const std::string_view rest = url.substr(tls ? 8 : 7), host = rest.substr(0, rest.find('/'));
  if (host.empty()) return "has no host";
  if (host.find('@') != std::string_view::npos)
    return "holds credentials; name environment variables in credentials instead";
  if (rest.find_first_of("?# ") != std::string_view::npos) return "must be a plain address, without query or fragment";
  if (plain && !is_loopback(host)) return "is plain http:// to another machine";
  return "";
}

std::string without_end_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

struct KindOfSource {
  const char* field;
  ChartSource::Kind kind;
};
constexpr KindOfSource kSources[] = {{"directory", ChartSource::Kind::directory},
                                     {"archive", ChartSource::Kind::archive},
                                     {"repository", ChartSource::Kind::repository},
                                     {"oci", ChartSource::Kind::oci}};

// "oci://registry/path/chart": the chart's name is the last part, as Helm has it.
void split_oci(value::StrictReader& chart, ChartSource& source) {
  const std::string whole = without_end_slash(source.location);
  const auto slash = whole.rfind('/');
  const bool good = whole.starts_with("oci://") && slash != std::string::npos && slash > 6;
  const std::string wrong = good ? wrong_with_url("https://" + whole.substr(6)) : "";
  if (!good)
    chart.fail("oci", "must be oci://registry/path/chart, without a version");
  else if (!wrong.empty())
    chart.fail("oci", wrong);
  else if (whole.find(':', slash) != std::string::npos)
    chart.fail("oci", "must not carry a version or digest; they are fields of their own");
  if (good) source.name = whole.substr(slash + 1);
  source.location = whole;
}

Result<ChartSource> read_source(value::StrictReader& entry, const std::string& base) {
  ChartSource source;
  value::StrictReader chart = entry.object("chart");
  int given = 0;
  for (const auto& [field, kind] : kSources) {
    std::string location = chart.string(field);
    if (location.empty()) continue;
    if (++given > 1) chart.fail(field, "a chart has one source: directory, archive, repository or oci");
    if (location.size() > kMaxChartReference)
      chart.fail(field, fmt::format("is longer than {} bytes", kMaxChartReference));
    source.kind = kind;
    source.location = std::move(location);
  }
  const std::string name = chart.string("name");
  if (source.kind == ChartSource::Kind::repository) {
    source.location = without_end_slash(source.location);
    source.name = chart.required_string("name");
    if (const std::string wrong = wrong_with_url(source.location); !wrong.empty()) chart.fail("repository", wrong);
    if (!source.name.empty() && source.name.find_first_of("/ \\") != std::string::npos)
      chart.fail("name", "must be the name of a chart in the repository");
  } else if (!name.empty()) {
    chart.fail("name", "goes with repository; every other source holds one chart");
  }
  if (source.kind == ChartSource::Kind::directory || source.kind == ChartSource::Kind::archive)
    source.location = resolved_path(base, source.location);
  if (source.kind == ChartSource::Kind::oci) split_oci(chart, source);
  value::StrictReader credentials = chart.object("credentials");
  source.username_variable = credentials.string("usernameVariable");
  source.password_variable = credentials.string("passwordVariable");
  for (const char* field : {"usernameVariable", "passwordVariable"})
    if (const std::string variable = credentials.string(field); !variable.empty() && !is_variable(variable))
      credentials.fail(field, "must be the name of an environment variable, never a credential");
  if (source.username_variable.empty() != source.password_variable.empty())
    chart.fail("credentials", "needs both usernameVariable and passwordVariable");
  TRY(credentials.finish());
  source.ca_file = chart.string("caFile");
  if (!source.ca_file.empty()) source.ca_file = resolved_path(base, source.ca_file);
  if (!source.remote() && (!source.ca_file.empty() || !source.username_variable.empty()))
    chart.fail(source.ca_file.empty() ? "credentials" : "caFile", "goes with repository or oci");
  TRY(chart.finish());
  return source;
}

Result<ProvidedKind> read_kind(value::StrictReader& entry) {
  ProvidedKind kind;
  kind.group = entry.required_string("group");
  kind.version = entry.required_string("version");
  kind.kind = entry.required_string("kind");
  kind.plural = entry.required_string("plural");
  kind.list_kind = entry.string("listKind");
  kind.namespaced = entry.choice("scope", {"Namespaced", "Cluster"}) == "Namespaced";
  // A group without a dot belongs to Kubernetes itself.
  if (!kind.group.empty() && (!is_dns(kind.group, 253, true) || kind.group.find('.') == std::string::npos))
    entry.fail("group", fmt::format("{:?} is not the group of a custom kind", kind.group));
  if (!kind.version.empty() && !is_dns(kind.version, 63, false))
    entry.fail("version", fmt::format("{:?} is not a version like v1 or v1alpha1", kind.version));
  if (!kind.kind.empty() && !is_kind(kind.kind)) entry.fail("kind", fmt::format("{:?} is not a kind", kind.kind));
  if (!kind.plural.empty() && !is_dns(kind.plural, 63, false))
    entry.fail("plural", fmt::format("{:?} is not a plural name", kind.plural));
  if (kind.list_kind.empty()) kind.list_kind = kind.kind + "List";
  if (!is_kind(kind.list_kind)) entry.fail("listKind", fmt::format("{:?} is not a kind", kind.list_kind));
  TRY(entry.finish());
  return kind;
}

void check_pins(value::StrictReader& entry, const Operator& op) {
  if (op.chart.kind == ChartSource::Kind::none) {
    if (op.ours) entry.fail("chart", "is required: directory, archive, repository with name, or oci");
    for (const char* field : {"version", "digest", "values"})
      if (entry.has(field)) entry.fail(field, "goes with a chart, and there is none");
    return;
  }
  if (op.version.empty()) entry.fail("version", "is required: the exact version of the chart");
  if (!op.version.empty() && !is_exact_version(op.version))
    entry.fail("version", fmt::format("{:?} is not an exact version like 1.2.3", op.version));
  if (!op.digest.empty() && op.chart.kind == ChartSource::Kind::directory)
    entry.fail("digest", "a directory has none; it is pinned by the project's own history");
  if (!op.digest.empty() && !is_digest(op.digest))
    entry.fail("digest", "must be sha256: and 64 hexadecimal digits, of the .tgz");
}

Result<Operator> read_operator(value::StrictReader& entry, const std::string& base) {
  Operator op;
  op.name = entry.required_string("name");
  op.namespace_ = entry.required_string("namespace");
  op.ours = entry.choice("installedBy", {"nautilusctl", "other"}) == "nautilusctl";
  if (!op.name.empty() && !is_dns(op.name, kMaxReleaseName, false))
    entry.fail("name", fmt::format("{:?} cannot name a release: lower case letters, digits and '-', at most {}",
                                   op.name, kMaxReleaseName));
  if (!op.namespace_.empty() && !is_dns(op.namespace_, 63, false))
    entry.fail("namespace", fmt::format("{:?} is not a namespace", op.namespace_));
  ASSIGN_OR_RETURN(op.chart, read_source(entry, base));
  op.version = entry.string("version");
  op.digest = entry.string("digest");
  for (const auto& file : entry.strings("values")) op.values.push_back(resolved_path(base, file));
  check_pins(entry, op);
  auto kinds = entry.list("provides");
  if (kinds.size() > kMaxProvidedKinds)
    entry.fail("provides", fmt::format("has more than {} kinds", kMaxProvidedKinds));
  if (kinds.empty() && !op.ours)
    entry.fail("provides", "is required with installedBy: other: the kinds that are waited for");
  for (auto& kind : kinds) {
    ASSIGN_OR_RETURN(auto read, read_kind(kind));
    op.provides.push_back(std::move(read));
  }
  TRY(entry.finish());
  return op;
}

// Everything that would make two operators claim one thing.
Result<> check_claims(value::StrictReader& spec, const std::vector<Operator>& operators) {
  std::map<std::string, const Operator*> names;
  std::map<std::string, std::pair<const Operator*, const ProvidedKind*>> definitions;
  for (std::size_t i = 0; i < operators.size(); ++i) {
    const Operator& op = operators[i];
    const std::string at = fmt::format("operators[{}]", i);
    if (!names.emplace(op.name, &op).second) spec.fail(at + ".name", fmt::format("{} is there twice", op.name));
    std::map<std::string, bool> served;  // "certificates.cert-manager.io/v1"
    for (std::size_t k = 0; k < op.provides.size(); ++k) {
      const ProvidedKind& kind = op.provides[k];
      const std::string where = fmt::format("{}.provides[{}]", at, k);
      auto [claim, fresh] = definitions.emplace(kind.definition(), std::pair{&op, &kind});
      const auto& [owner, first] = claim->second;
      if (!fresh && owner != &op)
        spec.fail(where, fmt::format("{} is provided by {} already", kind.definition(), owner->name));
      else if (!fresh &&
               (first->kind != kind.kind || first->namespaced != kind.namespaced || first->list_kind != kind.list_kind))
        spec.fail(where, fmt::format("kind, listKind and scope of {} differ between its versions", kind.definition()));
      if (!served.emplace(kind.definition() + "/" + kind.version, true).second)
        spec.fail(where, fmt::format("{} {} is there twice", kind.definition(), kind.version));
    }
  }
  return {};
}

}  // namespace

std::string ChartSource::text() const {
  switch (kind) {
    case Kind::none: return "no chart";
    case Kind::directory: return "directory " + location;
    case Kind::archive: return "archive " + location;
    case Kind::repository: return fmt::format("chart {} of repository {}", name, location);
    case Kind::oci: return location;
  }
  return "";
}

Result<std::vector<Operator>> read_operators(value::StrictReader& spec, const std::string& base) {
  std::vector<Operator> operators;
  auto entries = spec.list("operators");
  if (entries.size() > kMaxOperators) spec.fail("operators", fmt::format("has more than {} entries", kMaxOperators));
  for (auto& entry : entries) {
    ASSIGN_OR_RETURN(auto op, read_operator(entry, base));
    operators.push_back(std::move(op));
  }
  TRY(check_claims(spec, operators));
  return operators;
}

const Operator* provider_of(const std::vector<Operator>& operators, std::string_view group, std::string_view kind) {
  for (const Operator& op : operators)
    for (const ProvidedKind& provided : op.provides)
      if (provided.group == group && provided.kind == kind) return &op;
  return nullptr;
}

std::string resolved_path(const std::string& base, const std::string& path) {
  const std::string whole = path.starts_with('/') ? path : base + "/" + path;
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (from <= whole.size()) {
    const auto to = std::min(whole.find('/', from), whole.size());
    const std::string part = whole.substr(from, to - from);
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    from = to + 1;
  }
  const std::string joined = fmt::format("{}", fmt::join(parts, "/"));
  if (whole.starts_with('/')) return "/" + joined;
  return joined.empty() ? "." : joined;
}

}  // namespace nautilus::env
