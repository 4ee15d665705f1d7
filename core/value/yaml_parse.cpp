#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <streambuf>

#include "core/value/escape.h"
#include "core/value/yaml_build.h"

namespace nautilus::value {

namespace {

// Reads a text in place, without a copy of it.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // never written to: only the get area is set
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

Result<std::vector<YamlDocument>> parse_yaml_documents(std::string_view text, std::string_view file,
                                                       const YamlLimits& limits) {
  const YamlSource source(text);
  TRY(source.check_characters(file));
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  YamlBuilder builder(source, file, limits);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {}
    builder.finish();
  } catch (YamlStop& stop) { return std::move(stop.error); } catch (const YAML::DeepRecursion& e) {
    return Error(Code::limit, fmt::format("nested deeper than {} levels", kMaxDepth)).at(yaml_place(file, e.mark));
  } catch (const YAML::Exception& e) {
    return Error(Code::invalid, "not YAML: " + escape_control(e.msg)).at(yaml_place(file, e.mark));
  }
  return std::move(builder.documents);
}

Result<std::vector<Json>> parse_yaml_all(std::string_view text, std::string_view file, const YamlLimits& limits) {
  ASSIGN_OR_RETURN(auto documents, parse_yaml_documents(text, file, limits));
  std::vector<Json> values;
  values.reserve(documents.size());
  for (auto& document : documents) values.push_back(std::move(document.value));
  return values;
}

Result<Json> parse_yaml(std::string_view text, std::string_view file, const YamlLimits& limits) {
  ASSIGN_OR_RETURN(auto documents, parse_yaml_documents(text, file, limits));
  if (documents.empty()) return Json();
  if (documents.size() > 1)
    return Error(Code::invalid, fmt::format("one document is expected, {} found", documents.size()))
        .at(fmt::format("{}:{}", file, documents[1].line));
  return std::move(documents.front().value);
}

}  // namespace nautilus::value
