#include <fmt/format.h>

#include <set>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/pod_findings.h"

namespace nautilus::check {

namespace {

// Reasons of the kubelet for a container that has no image (pkg/kubelet/images/types.go).
const std::set<std::string, std::less<>> kReasons = {"ErrImagePull",      "ImagePullBackOff",  "InvalidImageName",
                                                     "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable",
                                                     "SignatureValidationFailed"};

void look(const Facts& facts, Outcome& outcome) {
  find_in_pods(facts, outcome, [&](const Json& pod) {
    std::optional<PodCause> cause;
    any_container(pod, [&](const Json& status, bool) {
      const Json* waiting = value::find(status, "state", "waiting");
      if (!waiting || !kReasons.contains(value::string_at(*waiting, "reason"))) return false;
      const std::string image = value::string_at(status, "image");
      std::string evidence =
          fmt::format("container {}: {}", value::string_at(status, "name"), reason_and_message(*waiting));
      if (!image.empty() && evidence.find(image) == std::string::npos) evidence += fmt::format(" (image {})", image);
      cause = PodCause{image, std::move(evidence),
                       fmt::format("compare {} with what the registry has (name, tag, digest) and look whether the "
                                   "pod's imagePullSecrets may pull it; since a deploy: nautilusctl rollback",
                                   image.empty() ? "the image" : image),
                       {}};
      return true;
    });
    return cause;
  });
}

}  // namespace

Check image_pull_check() {
  return {{"pods.image-pull", "Every image can be pulled.",
           "Containers that wait with ErrImagePull, ImagePullBackOff, InvalidImageName or another reason of the kubelet "
           "for having no image.",
           "Correct the image in the environment's values and deploy, or roll back. If the image is right, the registry "
           "cannot be reached from the node or refuses the pull secret: the event's message says which.",
           "pods.image-pull"},
          {{&source::kPods}, {&source::kReplicaSets, Need::How::evidence}},
          look};
}

}  // namespace nautilus::check
