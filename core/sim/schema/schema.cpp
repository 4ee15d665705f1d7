#include "core/sim/schema/schema.h"

#include <algorithm>
#include <charconv>

namespace nautilus::sim {

extern const std::string_view kSchemaData;

std::vector<std::string_view> split_view(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

namespace {

std::string_view column(std::string_view text) { return text == "-" ? std::string_view() : text; }

struct Prefix {
  std::string_view short_form, long_form;
};
// The reverse of the generator's abbreviations; the first that fits wins.
constexpr Prefix kPrefixes[] = {
    {"meta.", "io.k8s.apimachinery.pkg.apis.meta."},
    {"apiext.", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions."},
    {"apireg.", "io.k8s.kube-aggregator.pkg.apis.apiregistration."},
    {"", "io.k8s.api."},
};

}  // namespace

const std::vector<Field>& Struct::fields() const {
  if (custom) return custom_fields;
  if (!loaded_ && source_) source_->parse_fields(*this);
  return fields_;
}

const Field* Struct::find(std::string_view field) const {
  const auto& all = fields();
  auto at = std::lower_bound(all.begin(), all.end(), field,
                             [](const Field& f, std::string_view wanted) { return f.name < wanted; });
  return at != all.end() && at->name == field ? &*at : nullptr;
}

std::string Struct::openapi_name() const {
  for (const auto& prefix : kPrefixes)
    if (name.starts_with(prefix.short_form))
      return std::string(prefix.long_form) + name.substr(prefix.short_form.size());
  return name;
}

std::string Struct::go_name() const { return name.substr(name.rfind('.') + 1); }

SchemaTable::SchemaTable() {
  std::string_view rest = kSchemaData;
  structs_.reserve(700);
  Struct* current = nullptr;
  const char* begin = nullptr;
  auto close = [&](const char* end) {
    if (current) current->text_ = std::string_view(begin, static_cast<std::size_t>(end - begin));
  };
  while (!rest.empty()) {
    auto end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    if (line.starts_with("T ")) {
      close(line.data());
      auto parts = split_view(line, ' ');
      auto made = std::make_unique<Struct>();
      made->name = parts[1];
      made->atomic = parts[2] == "a";
      made->source_ = this;
      current = made.get();
      begin = line.data() + line.size() + 1;
      structs_.emplace(parts[1], std::move(made));
    } else if (line.starts_with("R ")) {
      auto parts = split_view(line, ' ');
      if (parts.size() >= 12)
        resources_.push_back({column(parts[1]), parts[2], parts[3], column(parts[4]), parts[5], column(parts[7]),
                              column(parts[8]), column(parts[9]), column(parts[10]), column(parts[11]),
                              parts[6] == "N"});
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  close(kSchemaData.data() + kSchemaData.size());
}

SchemaTable::~SchemaTable() = default;

const Struct* SchemaTable::find(std::string_view name) const {
  auto at = structs_.find(name);
  return at == structs_.end() ? nullptr : at->second.get();
}

const Type* SchemaTable::own(Type type) const {
  types_.push_back(std::move(type));
  return &types_.back();
}

const Type& SchemaTable::any() {
  static const Type type;
  return type;
}

Type SchemaTable::parse_type(std::string_view text) const {
  Type type;
  switch (text.empty() ? 'j' : text[0]) {
    case 's': type.shape = Shape::string; break;
    case 'i': type.shape = Shape::int32; break;
    case 'I': type.shape = Shape::int64; break;
    case 'n': type.shape = Shape::number; break;
    case 'b': type.shape = Shape::boolean; break;
    case 'q': type.shape = Shape::quantity; break;
    case 'x': type.shape = Shape::int_or_string; break;
    case 't': type.shape = Shape::time; break;
    case 'u': type.shape = Shape::micro_time; break;
    case 'y': type.shape = Shape::bytes; break;
    case '@':
      if (const Struct* object = find(text.substr(1))) {
        type.shape = Shape::object;
        type.object = object;
        type.atomic = object->atomic;
      }
      break;
    case '[':
      type.shape = Shape::list;
      type.element = own(parse_type(text.substr(1)));
      break;
    case '{':
      type.shape = Shape::map;
      type.element = own(parse_type(text.substr(1)));
      break;
    default: break;
  }
  return type;
}

void SchemaTable::parse_fields(const Struct& target) const {
  target.loaded_ = true;
  std::string_view rest = target.text_;
  while (!rest.empty()) {
    auto end = rest.find('\n');
    auto parts = split_view(rest.substr(0, end), ' ');
    if (parts.size() >= 2) {
      Field field;
      field.name = parts[0];
      field.type = parse_type(parts[1]);
      for (std::size_t i = 2; i < parts.size(); ++i) {
        std::string_view a = parts[i];
        if (a == "!")
          field.required = true;
        else if (a == "*")
          field.pointer = true;
        else if (a == "o")
          field.omit_empty = true;
        else if (a == "z")
          field.omit_zero = true;
        else if (a == "Ls")
          field.type.list = ListKind::set;
        else if (a == "Ma")
          field.type.atomic = true;
        else if (a.starts_with("Lm:")) {
          field.type.list = ListKind::map;
          for (auto key : split_view(a.substr(3), ',')) field.type.keys.emplace_back(key);
        } else if (a.starts_with("P:")) {
          auto colon = a.find(':', 2);
          field.strategy = a.substr(2, colon - 2);
          field.merge_key = a.substr(colon + 1);
        } else if (a.starts_with("#")) {
          auto dot = a.find('.');
          auto number = [](std::string_view digits) {
            int n = 0;
            std::from_chars(digits.data(), digits.data() + digits.size(), n);
            return n;
          };
          if (dot != std::string_view::npos) field.outer = number(a.substr(1, dot - 1));
          field.number = number(a.substr(dot == std::string_view::npos ? 1 : dot + 1));
        } else if (a.starts_with("d=")) {
          field.default_value = std::string(a.substr(2));
        }
      }
      target.fields_.push_back(std::move(field));
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  std::sort(target.fields_.begin(), target.fields_.end(),
            [](const Field& a, const Field& b) { return a.name < b.name; });
}

}  // namespace nautilus::sim
