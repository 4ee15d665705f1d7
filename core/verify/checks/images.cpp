// images.digests: what runs is what was tested, byte for byte.
#include <fmt/format.h>

#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

struct Image {
  std::string text, where;
};

std::vector<Image> images_of(const Platform& platform) {
  std::vector<Image> all;
  for (const PodSet& set : platform.pods()) {
    for (const Container& container : containers(set))
      if (const std::string image = value::string_at(*container.json, "image"); !image.empty())
        all.push_back({image, set.at(container.path + ".image")});
    if (set.operated)
      if (const std::string image = value::string_at(*set.object, "spec", "image"); !image.empty())
        all.push_back({image, set.at("spec.image")});
  }
  return all;
}

void digests(const Input& input, Answer& answer) {
  int pinned = 0;
  for (const Image& image : images_of(input.platform)) {
    if (image.text == "auto") {
      answer.note(image.where + " is filled in by istiod when the pod is admitted: it has the control plane's version");
    } else if (image.text.find("@sha256:") != std::string::npos) {
      ++pinned;
    } else {
      answer.fails(image.text + " is a name that can mean something else tomorrow", image.where);
    }
  }
  if (pinned > 0) answer.holds(fmt::format("{} images are pinned by digest", pinned));
}

constexpr Check kChecks[] = {
    {"images.digests", "Every image is pinned by its digest.",
     "Each image of each container, and of what operators make, carries @sha256.",
     "A tag moves. What was rehearsed is then not what runs, and a rollback does not roll back.",
     "Write the digest beside the tag (image.digest); the release pipeline writes those of our own images.", "19",
     digests},
};

}  // namespace

std::span<const Check> image_checks() { return kChecks; }

}  // namespace nautilus::verify
