#include "core/release/rollback.h"

#include <doctest/doctest.h>

using namespace nautilus;

namespace {

release::RecordedObject object(const char* kind, const char* name, const char* app, int image,
                               const char* chart = "x") {
  return {{"apps", kind, "ns", name},
          "apps/v1",
          fmt::format("platform/charts/{}/templates/t.yaml", chart),
          false,
          Json{{"kind", kind},
               {"metadata", {{"name", name}, {"labels", {{"app.kubernetes.io/name", app}}}}},
               {"image", image}}};
}

release::Revision revision(int number, std::string_view status, std::vector<release::RecordedObject> objects) {
  release::Revision r;
  r.number = number;
  r.status = std::string(status);
  r.objects = std::move(objects);
  return r;
}

std::vector<release::Revision> history() {
  return {
      revision(1, release::kSuperseded,
               {object("Deployment", "b", "nautilus-backend", 1), object("Deployment", "f", "nautilus-frontend", 1)}),
      revision(2, release::kFailed, {object("Deployment", "b", "nautilus-backend", 2)}),
      revision(3, release::kDeployed,
               {object("Deployment", "b", "nautilus-backend", 3), object("Deployment", "f", "nautilus-frontend", 3),
                object("Service", "b-new", "nautilus-backend", 3)})};
}

int image_of(const apply::Desired& desired, const std::string& name) {
  for (const auto& o : desired.objects)
    if (o.manifest["metadata"]["name"] == name) return o.manifest["image"].get<int>();
  return -1;
}

}  // namespace

TEST_CASE("everything goes back to the last good revision before the current") {
  int chosen = 0;
  auto state = release::rollback_state(history(), {}, chosen);
  REQUIRE(state.ok());
  CHECK(chosen == 1);
  CHECK(image_of(*state, "b") == 1);
  CHECK(image_of(*state, "f") == 1);
  CHECK(image_of(*state, "b-new") == -1);
}

TEST_CASE("one component goes back, the others stay, and what it gained since is left out") {
  int chosen = 0;
  auto state = release::rollback_state(history(), {"backend", 0, ""}, chosen);
  REQUIRE(state.ok());
  CHECK(image_of(*state, "b") == 1);
  CHECK(image_of(*state, "f") == 3);
  CHECK(image_of(*state, "b-new") == -1);
}

TEST_CASE("after a failed deploy the way back is the newest good revision") {
  auto revisions = history();
  revisions.push_back(revision(4, release::kFailed, {object("Deployment", "b", "nautilus-backend", 4)}));
  int chosen = 0;
  REQUIRE(release::rollback_state(revisions, {}, chosen).ok());
  CHECK(chosen == 3);
}

TEST_CASE("a target that cannot be is refused with what can") {
  struct Row {
    release::RollbackTarget target;
    Code code;
    const char* hint;
  };
  const Row rows[] = {{{"", 2, ""}, Code::refused, "revisions to go back to: 1, 3"},
                      {{"", 9, ""}, Code::not_found, "revisions to go back to: 1, 3"},
                      {{"nonsense", 0, ""}, Code::usage, "components: nautilus-backend, nautilus-frontend"}};
  for (const auto& row : rows) {
    int chosen = 0;
    auto state = release::rollback_state(history(), row.target, chosen);
    REQUIRE_FALSE(state.ok());
    CHECK(state.error().code == row.code);
    CHECK(state.error().hint == row.hint);
  }
  int chosen = 0;
  CHECK_FALSE(release::rollback_state({}, {}, chosen).ok());
}

TEST_CASE("a component is also found by its subchart") {
  CHECK(release::belongs_to(object("Role", "r", "something", 1, "redis-cluster"), "redis-cluster"));
  CHECK_FALSE(release::belongs_to(object("Role", "r", "something", 1, "redis"), "redis-cluster"));
}
