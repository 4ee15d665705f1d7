#include "engine/lease/kubernetes_epoch.h"

#include <charconv>

#include "core/port/wall_time.h"

namespace nautilus::engine {

namespace {

constexpr const char* kEpochAnnotation = "nautilusctl.io/epoch";

}  // namespace

std::string KubernetesEpochSource::path(bool of_object) const {
  const std::string all = "/apis/coordination.k8s.io/v1/namespaces/" + options_.namespace_ + "/leases";
  return of_object ? all + "/" + options_.name : all;
}

Result<KubernetesEpochSource::Seen> KubernetesEpochSource::read() {
  kube::Request request;
  request.target = path(true);
  const kube::Response response = client_.call(std::move(request));
  Seen seen;
  if (response.status == 404) return seen;
  if (!response.ok()) return Error(response.error).within("reading Lease " + options_.namespace_ + "/" + options_.name);
  const Json& lease = response.body;
  seen.exists = true;
  seen.holder = value::string_at(lease, "spec", "holderIdentity");
  seen.renewed = value::string_at(lease, "spec", "renewTime");
  seen.transitions = value::int_at(lease, 0, "spec", "leaseTransitions");
  seen.resource_version = value::string_at(lease, "metadata", "resourceVersion");
  const std::string epoch = value::string_at(lease, "metadata", "annotations", kEpochAnnotation);
  const auto [end, error] = std::from_chars(epoch.data(), epoch.data() + epoch.size(), seen.epoch);
  if (epoch.empty() || error != std::errc() || end != epoch.data() + epoch.size())
    return Error(Code::invalid,
                 fmt::format("Lease {}/{} has no epoch in its annotation {}", options_.namespace_, options_.name,
                             kEpochAnnotation),
                 "It belongs to somebody else, or was edited. Name another Lease, or put the epoch back: one that is "
                 "too low lets two engines acknowledge.");
  return seen;
}

Result<> KubernetesEpochSource::write(const Seen& seen, Epoch epoch, const std::string& holder) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.time_to_live).count();
  Json lease = {{"apiVersion", "coordination.k8s.io/v1"},
                {"kind", "Lease"},
                {"metadata",
                 {{"name", options_.name},
                  {"namespace", options_.namespace_},
                  {"labels", {{"app.kubernetes.io/name", "nautilus-engine"}}},
                  {"annotations", {{kEpochAnnotation, std::to_string(epoch)}}}}},
                {"spec",
                 {{"holderIdentity", holder},
                  {"leaseDurationSeconds", std::max<std::int64_t>(seconds, 1)},
                  {"renewTime", port::micro_time(client_.clock().now())},
                  {"leaseTransitions", seen.transitions + (holder.empty() || holder == seen.holder ? 0 : 1)}}}};
  if (seen.exists) lease["metadata"]["resourceVersion"] = seen.resource_version;
  kube::Request request;
  request.method = seen.exists ? "PUT" : "POST";
  request.target = path(seen.exists) + "?fieldManager=nautilus-engine";
  request.body = std::move(lease);
  // An attempt that comes late must not be taken for one in time: what is renewed late counts from before it was sent.
  request.timeout = options_.time_to_live / 2;
  const kube::Response response = client_.call(std::move(request));
  if (response.ok()) return {};
  const std::string what = "writing Lease " + options_.namespace_ + "/" + options_.name;
  if (response.status == 409 || response.status == 404)
    return Error(Code::conflict, "somebody else wrote it meanwhile").within(what);
  return Error(response.error).within(what);
}

Result<Lease> KubernetesEpochSource::acquire(Epoch higher_than) {
  ASSIGN_OR_RETURN(const Seen seen, read());
  const auto after = client_.clock().monotonic();
  if (seen.exists && !seen.holder.empty() && seen.holder != options_.holder) {
    const std::string sign = seen.holder + " " + seen.resource_version;
    if (sign != watched_) {
      watched_ = sign;
      watched_since_ = after;
    }
    if (after - watched_since_ < options_.time_to_live + options_.margin)
      return Error(Code::locked, fmt::format("the engine's Lease {}/{} is held", options_.namespace_, options_.name),
                   fmt::format("by \"{}\" with epoch {}", seen.holder, seen.epoch));
  }
  const auto before = client_.clock().monotonic();
  const Epoch epoch = std::max(seen.epoch, higher_than) + 1;
  if (Result<> written = write(seen, epoch, options_.holder); !written.ok()) {
    if (written.error().code == Code::conflict) written.error().code = Code::locked;  // try again later
    return std::move(written).error();
  }
  watched_.clear();
  return Lease{epoch, before + options_.time_to_live};
}

Result<Lease> KubernetesEpochSource::renew(Epoch epoch) {
  constexpr int kAttempts = 3;  // a label set by somebody else moves the resourceVersion: read again
  for (int attempt = 0;; ++attempt) {
    const auto before = client_.clock().monotonic();
    ASSIGN_OR_RETURN(const Seen seen, read());
    if (!seen.exists || seen.epoch != epoch || seen.holder != options_.holder)
      return Error(Code::conflict,
                   fmt::format("epoch {} is over: Lease {}/{} {}", epoch, options_.namespace_, options_.name,
                               seen.exists ? fmt::format("has epoch {} and holder \"{}\"", seen.epoch, seen.holder)
                                           : std::string("is gone")));
    Result<> written = write(seen, epoch, options_.holder);
    if (written.ok()) return Lease{epoch, before + options_.time_to_live};
    if (written.error().code != Code::conflict || attempt + 1 == kAttempts) {
      // Not known to be over: the contract's conflict is for good.
      if (written.error().code == Code::conflict) written.error().code = Code::timeout;
      return std::move(written).error();
    }
  }
}

Result<> KubernetesEpochSource::release(Epoch epoch) {
  ASSIGN_OR_RETURN(const Seen seen, read());
  if (!seen.exists || seen.epoch != epoch || seen.holder != options_.holder) return {};  // over already
  return write(seen, epoch, "");
}

Result<Epoch> KubernetesEpochSource::observe() {
  ASSIGN_OR_RETURN(const Seen seen, read());
  return seen.epoch;
}

}  // namespace nautilus::engine
