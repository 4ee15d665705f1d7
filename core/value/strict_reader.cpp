#include "core/value/strict_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/duration.h"

namespace nautilus::value {

namespace {

const Json& empty_object() {
  static const Json kEmpty = Json::object();
  return kEmpty;
}

}  // namespace

StrictReader::StrictReader(const Json& object, std::string file)
    : StrictReader(&object, std::move(file), "", std::make_shared<std::optional<Error>>()) {}

StrictReader::StrictReader(const Json* object, std::string file, std::string prefix,
                           std::shared_ptr<std::optional<Error>> problem)
    : object_(object), file_(std::move(file)), prefix_(std::move(prefix)), problem_(std::move(problem)) {
  if (!object_->is_object()) {
    if (!*problem_)
      *problem_ = Error(Code::invalid, fmt::format("expected an object, found {}", object_->type_name()))
                      .at(prefix_.empty() ? file_ : file_ + ": " + prefix_);
    object_ = &empty_object();
  }
}

std::string StrictReader::path(std::string_view key) const {
  return fmt::format("{}: {}{}{}", file_, prefix_, prefix_.empty() ? "" : ".", key);
}

void StrictReader::fail(std::string_view key, std::string message) {
  if (!*problem_) *problem_ = Error(Code::invalid, std::move(message)).at(path(key));
}

const Json* StrictReader::take(std::string_view key, std::string_view expected, bool (*accepts)(const Json&)) {
  known_.emplace(key);
  const Json* found = find(*object_, key);
  if (!found || found->is_null()) return nullptr;
  if (accepts(*found)) return found;
  fail(key, fmt::format("expected {}, found {}", expected, found->type_name()));
  return nullptr;
}

std::string StrictReader::string(std::string_view key) {
  const Json* found = take(key, "a string", [](const Json& j) { return j.is_string(); });
  return found ? found->get<std::string>() : std::string();
}

std::string StrictReader::required_string(std::string_view key) {
  std::string text = string(key);
  if (text.empty()) fail(key, "is required");
  return text;
}

std::int64_t StrictReader::integer(std::string_view key, std::int64_t fallback) {
  const Json* found = take(key, "an integer", [](const Json& j) { return j.is_number_integer(); });
  return found ? found->get<std::int64_t>() : fallback;
}

std::int64_t StrictReader::integer(std::string_view key, std::int64_t fallback, std::int64_t least, std::int64_t most) {
  const std::int64_t number = integer(key, fallback);
  if (number >= least && number <= most) return number;
  fail(key, fmt::format("must be from {} to {}, is {}", least, most, number));
  return fallback;
}

bool StrictReader::boolean(std::string_view key, bool fallback) {
  const Json* found = take(key, "true or false", [](const Json& j) { return j.is_boolean(); });
  return found ? found->get<bool>() : fallback;
}

std::chrono::nanoseconds StrictReader::duration(std::string_view key, std::chrono::nanoseconds fallback) {
  const std::string text = string(key);
  if (text.empty()) return fallback;
  auto parsed = base::parse_duration(text);
  if (!parsed.ok())
    fail(key, parsed.error().message);
  else if (*parsed <= std::chrono::nanoseconds::zero())
    fail(key, fmt::format("must be more than zero, is {}", text));
  return parsed.ok() ? *parsed : fallback;
}

std::string StrictReader::choice(std::string_view key, std::initializer_list<std::string_view> choices) {
  const std::string text = string(key);
  if (text.empty()) return std::string(*choices.begin());
  if (std::find(choices.begin(), choices.end(), text) == choices.end())
    fail(key, fmt::format("must be one of {}, is \"{}\"", fmt::join(choices, ", "), text));
  return text;
}

bool StrictReader::has(std::string_view key) const { return find(*object_, key) != nullptr; }

std::vector<std::string> StrictReader::strings(std::string_view key) {
  const Json* found = take(key, "a list of strings", [](const Json& j) {
    return j.is_array() && std::all_of(j.begin(), j.end(), [](const Json& e) { return e.is_string(); });
  });
  return found ? found->get<std::vector<std::string>>() : std::vector<std::string>();
}

std::vector<std::string> StrictReader::string_or_strings(std::string_view key) {
  const Json* found = find(*object_, key);
  if (!found || !found->is_string()) return strings(key);
  return {string(key)};
}

StrictReader StrictReader::object(std::string_view key) {
  const Json* found = take(key, "an object", [](const Json& j) { return j.is_object(); });
  const std::string prefix = prefix_.empty() ? std::string(key) : fmt::format("{}.{}", prefix_, key);
  return {found ? found : &empty_object(), file_, prefix, problem_};
}

std::vector<StrictReader> StrictReader::list(std::string_view key) {
  const Json* found = take(key, "a list", [](const Json& j) { return j.is_array(); });
  std::vector<StrictReader> readers;
  if (!found) return readers;
  for (std::size_t i = 0; i < found->size(); ++i) {
    const std::string prefix = fmt::format("{}{}{}[{}]", prefix_, prefix_.empty() ? "" : ".", key, i);
    readers.push_back(StrictReader(&(*found)[i], file_, prefix, problem_));
  }
  return readers;
}

std::vector<std::string> StrictReader::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, unused] : object_->items()) names.push_back(key);
  return names;
}

Result<> StrictReader::finish() {
  if (!*problem_) {
    for (const auto& [key, unused] : object_->items()) {
      if (known_.contains(key)) continue;
      *problem_ = Error(Code::invalid, "unknown field", fmt::format("known fields here: {}", fmt::join(known_, ", ")))
                      .at(path(key));
      break;
    }
  }
  if (*problem_) return **problem_;
  return {};
}

}  // namespace nautilus::value
