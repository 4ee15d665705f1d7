// Chart.yaml and requirements.yaml.
#include <charconv>

#include "core/chart/load_internal.h"
#include "core/sprig/semver.h"

namespace nautilus::chart {

bool Metadata::is_library() const {
  static constexpr std::string_view kLibrary = "library";
  return type.size() == kLibrary.size() && std::equal(type.begin(), type.end(), kLibrary.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? char(a - 'A' + 'a') : a) == b;
         });
}

namespace internal {
namespace {

std::string_view type_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::boolean: return "a boolean";
    case Json::value_t::string: return "a string";
    case Json::value_t::array: return "a list";
    case Json::value_t::object: return "a map";
    default: return "a number";
  }
}

Error mismatch(std::string_view file, const std::string& field, std::string_view wanted, const Json& found) {
  return Error(Code::invalid, fmt::format("{} must be {}, not {}", field, wanted, type_of(found)))
      .at(std::string(file));
}

// A scalar where a string is wanted is taken as its text, as Helm does ("appVersion: 1.10" is "1.1").
bool scalar_text(const Json& value, std::string& out) {
  if (value.is_string()) {
    out = value.get_ref<const std::string&>();
  } else if (value.is_boolean()) {
    out = value.get<bool>() ? "true" : "false";
  } else if (value.is_number_float()) {
    // Shortest text that reads back, exponent as in C's %g with at least two digits: "1e+06", "1.1".
    const double number = value.get<double>();
    char buffer[40];
    const double magnitude = number < 0 ? -number : number;
    const bool exponent = number != 0 && (magnitude < 1e-4 || magnitude >= 1e21);
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, number,
                                   exponent ? std::chars_format::scientific : std::chars_format::fixed);
    out.assign(buffer, end.ptr);
  } else if (value.is_number()) {
    out = value.dump();
  } else {
    return false;
  }
  return true;
}

class Reader {
 public:
  Reader(const Json& object, std::string_view file, std::string prefix)
      : object_(object), file_(file), prefix_(std::move(prefix)) {}

  Result<> text(const char* key, std::string& out) const {
    const Json* found = get(key);
    if (found && !scalar_text(*found, out)) return mismatch(file_, prefix_ + key, "a string", *found);
    return {};
  }
  Result<> flag(const char* key, bool& out) const {
    const Json* found = get(key);
    if (!found) return {};
    if (!found->is_boolean()) return mismatch(file_, prefix_ + key, "true or false", *found);
    out = found->get<bool>();
    return {};
  }
  Result<> texts(const char* key, std::vector<std::string>& out) const {
    const Json* found = get(key);
    if (!found) return {};
    if (!found->is_array()) return mismatch(file_, prefix_ + key, "a list of strings", *found);
    out.clear();
    for (const Json& item : *found) {
      std::string& added = out.emplace_back();
      if (!item.is_null() && !scalar_text(item, added))
        return mismatch(file_, fmt::format("{}{}[{}]", prefix_, key, out.size() - 1), "a string", item);
    }
    return {};
  }
  const Json* get(const char* key) const {
    const Json* found = value::find(object_, key);
    return found && !found->is_null() ? found : nullptr;
  }
  std::string name(std::string_view key) const { return prefix_ + std::string(key); }

 private:
  const Json& object_;
  std::string_view file_;
  std::string prefix_;
};

Result<> parse_dependency(const Json& item, std::string_view file, std::string place, Dependency& out) {
  if (!item.is_object())
    return Error(Code::invalid, fmt::format("{} must be a map, not {}", place, type_of(item))).at(std::string(file));
  const Reader read(item, file, place + ".");
  TRY(read.text("name", out.name));
  TRY(read.text("version", out.version));
  TRY(read.text("repository", out.repository));
  TRY(read.text("condition", out.condition));
  TRY(read.text("alias", out.alias));
  TRY(read.texts("tags", out.tags));
  TRY(read.flag("enabled", out.enabled));
  if (const Json* imports = read.get("import-values")) {
    if (!imports->is_array()) return mismatch(file, read.name("import-values"), "a list", *imports);
    out.import_values.assign(imports->begin(), imports->end());
  }
  return {};
}

Result<> parse_lists(const Reader& read, std::string_view file, Metadata& metadata) {
  if (const Json* list = read.get("maintainers")) {
    if (!list->is_array()) return mismatch(file, "maintainers", "a list", *list);
    metadata.maintainers.clear();
    for (const Json& item : *list) {
      const std::string place = fmt::format("maintainers[{}]", metadata.maintainers.size());
      if (!item.is_object()) return mismatch(file, place, "a map", item);
      Maintainer& added = metadata.maintainers.emplace_back();
      const Reader one(item, file, place + ".");
      TRY(one.text("name", added.name));
      TRY(one.text("email", added.email));
      TRY(one.text("url", added.url));
    }
  }
  if (const Json* map = read.get("annotations")) {
    if (!map->is_object()) return mismatch(file, "annotations", "a map of strings", *map);
    metadata.has_annotations = true;
    metadata.annotations.clear();
    for (const auto& [key, item] : map->items()) {
      auto& added = metadata.annotations.emplace_back(key, "");
      if (!item.is_null() && !scalar_text(item, added.second))
        return mismatch(file, "annotations." + key, "a string", item);
    }
  }
  if (const Json* list = read.get("dependencies")) {
    if (!list->is_array()) return mismatch(file, "dependencies", "a list", *list);
    metadata.dependencies.clear();
    for (const Json& item : *list) {
      const std::string place = fmt::format("dependencies[{}]", metadata.dependencies.size());
      TRY(parse_dependency(item, file, place, metadata.dependencies.emplace_back()));
    }
  }
  return {};
}

// Decodes one code point of UTF-8; length 1 for a byte that is not valid.
char32_t decode(std::string_view text, std::size_t at, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (length == 0 || at + length > text.size()) {
    length = 1;
    return 0xFFFD;
  }
  if (length == 1) return lead;
  char32_t point = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      length = 1;
      return 0xFFFD;
    }
    point = (point << 6) | (byte(i) & 0x3Fu);
  }
  return point;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// Not printable in the sense of Unicode's categories C*: controls, formats, surrogates, private use.
bool is_unprintable(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xD800 && c <= 0xF8FF) ||
         (c >= 0xFFF0 && c <= 0xFFFB) || c >= 0xE0000;
}

void clean(std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
    const char32_t c = decode(text, at, length);
    if (is_space(c))
      out += ' ';
    else if (!is_unprintable(c))
      out.append(text, at, length);
  }
  text = std::move(out);
}

bool valid_alias(std::string_view alias) {
  return std::all_of(alias.begin(), alias.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

Result<> parse_metadata(const Json& document, std::string_view file, Metadata& metadata) {
  if (document.is_null()) return {};
  if (!document.is_object()) return mismatch(file, "the document", "a map", document);
  const Reader read(document, file, "");
  TRY(read.text("name", metadata.name));
  TRY(read.text("version", metadata.version));
  TRY(read.text("description", metadata.description));
  TRY(read.text("home", metadata.home));
  TRY(read.text("icon", metadata.icon));
  TRY(read.text("apiVersion", metadata.api_version));
  TRY(read.text("condition", metadata.condition));
  TRY(read.text("tags", metadata.tags));
  TRY(read.text("appVersion", metadata.app_version));
  TRY(read.text("kubeVersion", metadata.kube_version));
  TRY(read.text("type", metadata.type));
  TRY(read.texts("sources", metadata.sources));
  TRY(read.texts("keywords", metadata.keywords));
  TRY(read.flag("deprecated", metadata.deprecated));
  return parse_lists(read, file, metadata);
}

Result<> validate_metadata(Metadata& m, std::string_view file) {
  for (std::string* text :
       {&m.name, &m.description, &m.home, &m.icon, &m.condition, &m.tags, &m.app_version, &m.kube_version})
    clean(*text);
  for (auto& text : m.sources) clean(text);
  for (auto& text : m.keywords) clean(text);
  for (auto& one : m.maintainers)
    for (std::string* text : {&one.name, &one.email, &one.url}) clean(*text);

  const auto invalid = [&](std::string message, std::string hint = {}) {
    return Error(Code::invalid, std::move(message), std::move(hint)).at(std::string(file));
  };
  if (m.name.empty()) return invalid("the chart has no name");
  if (m.name == "." || m.name == ".." || m.name.find('/') != std::string::npos)
    return invalid(fmt::format("the chart name \"{}\" is not allowed", m.name));
  if (m.version.empty()) return invalid("the chart has no version");
  if (!sprig::Version::parse(m.version).ok())
    return invalid(fmt::format("the chart version \"{}\" is not a semantic version", m.version));
  if (!m.type.empty() && m.type != "application" && m.type != "library")
    return invalid(fmt::format("the chart type \"{}\" is neither application nor library", m.type));
  std::set<std::string_view> names;
  for (Dependency& dependency : m.dependencies) {
    for (std::string* text : {&dependency.name, &dependency.version, &dependency.repository, &dependency.condition})
      clean(*text);
    for (auto& text : dependency.tags) clean(text);
    if (!valid_alias(dependency.alias))
      return invalid(fmt::format("the alias of dependency {} has characters other than letters, digits, - and _",
                                 dependency.name));
    if (!names.insert(dependency.effective_name()).second)
      return invalid(fmt::format("two dependencies are named {}", dependency.effective_name()),
                     "give one of them an alias");
  }
  return {};
}

}  // namespace internal
}  // namespace nautilus::chart
