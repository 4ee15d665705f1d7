// Moves the ownership of one live object's fields from the program that installed it to nautilusctl, and changes no
// value that anything runs on.
//
// Purpose: what `adopt` computes per object. The managedFields entries of the installer become the Apply entry of our
// manager; entries of other managers (controllers, autoscalers, people) and of subresources stay as they are. Of what
// an installer owns by Update (Helm 3, client-side apply) only what a manifest says is taken: the server counts
// defaults to the creator, and what nobody asked for is nobody's. Source followed: Kubernetes fieldsV1. Threading: pure
// functions.
#pragma once

#include <string>
#include <vector>

#include "core/value/json.h"

namespace nautilus::apply {

// Owns what we changed on Helm's marks: server-side Helm then meets a conflict on every object.
inline constexpr std::string_view kAdoptManager = "nautilusctl-adopt";
inline constexpr std::string_view kHelmRelease = "meta.helm.sh/release-name";
inline constexpr std::string_view kHelmNamespace = "meta.helm.sh/release-namespace";
inline constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

struct Installers {
  bool helm = false, kubectl = false;
};

// A key as a step of a JSON pointer (RFC 6901): ~ and / escaped.
std::string pointer_token(std::string_view key);
// Two sets of fields in one. fieldsV1 both.
Json unite_fields(const Json& a, const Json& b);
// The part of `fields` that `manifest` says something about.
Json fields_within(const Json& fields, const Json& manifest);
// The paths of `fields` that `manifest` says nothing about: what an apply of it removes.
std::vector<std::string> fields_outside(const Json& fields, const Json& manifest);
// The object that an apply with exactly these fields would have sent.
Json extract_owned(const Json& live, const Json& fields);

struct Takeover {
  bool needed = false;              // false: nothing of the installers is left to take
  std::vector<std::string> from;    // "helm (server-side apply)"
  Json fields;                      // what we own afterwards
  Json patch;                       // RFC 6902; fails on the server if the object has moved on
  std::vector<std::string> others;  // managers that keep their fields
};

// `desired` is the rendered manifest, `installed` what the installer sent as far as that is known (null if not; that of
// client-side apply is found in the object itself).
Takeover take_over(const Json& live, const Json& desired, const Json& installed, const Installers& installers);

}  // namespace nautilus::apply
