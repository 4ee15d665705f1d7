// The functions a Helm template can call, and what they need from outside.
//
// Follows helm.sh/helm/v4 v4.3.1 (pkg/engine/funcs.go) and Masterminds/sprig v3.3.0, `env` and `expandenv` absent as in
// Helm, `lookup` and `getHostByName` without a network. One file per family: strings, lists, dicts, math, defaults,
// reflection, encoding, crypto, dates, versions (semver and regular expressions), paths and urls, helm.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/gotmpl/funcs.h"
#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/sprig/regex.h"

namespace nautilus::sprig {

inline constexpr std::size_t kMaxText = 64u << 20;          // one string made by repeat, indent, join, ...
inline constexpr std::size_t kMaxItems = 1'000'000;         // one list made by until, seq, splitList, ...
inline constexpr int kMaxValueDepth = 500;                  // of a value that is printed, copied or merged
inline constexpr std::uint64_t kMaxValueNodes = 5'000'000;  // visited while one value is printed or copied
inline constexpr std::size_t kMaxRegexes = 1024;            // kept compiled per Environment
inline constexpr int kMaxKeys = 64;                         // RSA keys generated per Environment: each takes a moment

// Passed to templates as gotmpl::Options::user. One per render; not shared between threads.
struct Environment {
  port::Entropy* entropy = nullptr;  // null: random functions fail
  port::Clock* clock = nullptr;      // null: now fails
  // What `lookup` answers; empty: an empty map, as `helm template`.
  std::function<Result<gotmpl::Val>(const std::string& api_version, const std::string& kind,
                                    const std::string& namespace_, const std::string& name)>
      lookup;
  std::unordered_map<std::string, Regex> regexes;
  int keys_generated = 0;
};

// Go's predefined functions and all of the above. Built on the first call, then shared.
std::shared_ptr<const gotmpl::Functions> helm_functions();

// encoding/json's Marshal: keys sorted, <, > and & escaped. YAML as sigs.k8s.io/yaml's Marshal, without the last
// newline.
Result<std::string> go_json(const gotmpl::Val& value, bool escape_html = true, std::string_view indent = {});
Result<std::string> go_yaml(const gotmpl::Val& value);

// Removes what Go prints for a missing value; Helm prints nothing there.
void drop_no_value(std::string& text);

}  // namespace nautilus::sprig
