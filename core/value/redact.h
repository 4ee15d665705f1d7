// Nothing secret leaves through a diff, an error or a log.
//
// Secrets are redacted by type, before anything is formatted: the values of data and stringData and the
// last-applied-configuration annotation. In every object and in free text, what looks like a credential is replaced:
// bearer and basic authorization, passwords in URLs, PEM private keys. Threading: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/value/json.h"

namespace nautilus::value {

inline constexpr std::string_view kRedacted = "***";

// A v1 Secret, whatever else is wrong with it.
bool is_secret(const Json& object);

// A copy that may be shown. Lists of objects are redacted item by item; managedFields hold no values and stay.
Json redact(const Json& object);

// Both sides of a comparison. A redacted value that differs reads "*** (before)" and "*** (after)", so that a change is
// seen without what it is. A secret on either side makes both secret. null stands for an object that is not there.
struct RedactedPair {
  Json before, after;
};
RedactedPair redact_pair(const Json& before, const Json& after);

// Free text: a message of the server, the output of a plugin.
std::string redact_text(std::string_view text);

}  // namespace nautilus::value
