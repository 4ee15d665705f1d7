// What templates see: .Chart, .Files, .Capabilities, .Release, .Values.
#pragma once

#include <string>

#include "core/chart/chart.h"
#include "core/chart/render.h"
#include "core/gotmpl/val.h"

namespace nautilus::chart {

// Values keep the number types they have in Json (see ValuesInput).
gotmpl::Val values_object(const Json& values);
gotmpl::Val chart_object(const Metadata& metadata, bool is_root);
gotmpl::Val release_object(const ReleaseInfo& release);
gotmpl::Val files_object(std::shared_ptr<const Files> files);
Result<gotmpl::Val> capabilities_object(const Capabilities& capabilities);

// "v1.33.4" for "1.33.4-gke.1": what kubeVersion constraints are checked against.
Result<std::string> normalized_kube_version(const std::string& version);

}  // namespace nautilus::chart
