// The grammar of --set and its relatives, as helm.sh/helm/v4/pkg/strvals has it.
//
//   name.list[0].key=value,other={a,b},quoted\.dot=x
//
// '\' takes the next character as it is. --set types its values (true, false, null, integers without leading zero, else
// text); --set-string keeps text; --set-json takes JSON; --set-file reads the file named; --set-literal has neither
// escapes nor commas: one assignment, everything behind '=' is the value.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::chart {

inline constexpr int kMaxSetIndex = 65'536;
inline constexpr int kMaxSetNesting = 30;

enum class SetKind { typed, text, json, file, literal };

using ReadFile = std::function<Result<std::string>(const std::string& path)>;

// Applies one argument to `values` (an object). The whole argument is parsed before an error is returned, so that
// what came before the mistake may already be set. `read_file` is only used by SetKind::file.
Result<> apply_set(std::string_view argument, SetKind kind, Json& values, const ReadFile& read_file = {});

}  // namespace nautilus::chart
