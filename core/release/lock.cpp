#include "core/release/lock.h"

namespace nautilus::release {

namespace {

constexpr port::Duration kPollEvery = std::chrono::seconds(2);

std::string seconds_ago(port::WallTime now, port::WallTime then) {
  return fmt::format("{} s ago", std::chrono::duration_cast<std::chrono::seconds>(now - then).count());
}

}  // namespace

Lock::Lock(apply::Cluster& cluster, std::string release, std::string space, std::string holder)
    : cluster_(cluster), release_(std::move(release)), namespace_(std::move(space)), holder_(std::move(holder)) {}

Lock::~Lock() {
  *alive_ = false;
  cluster_.client().cancel_timer(timer_);
  if (held_ && lost_.empty()) (void)release();
}

value::ObjectId Lock::id() const { return {"coordination.k8s.io", "Lease", namespace_, lease_name(release_)}; }

Result<std::unique_ptr<Lock>> Lock::take(apply::Cluster& cluster, const std::string& release,
                                         const std::string& namespace_, const LockOptions& options) {
  std::unique_ptr<Lock> lock(new Lock(cluster, release, namespace_, options.holder));
  auto& client = cluster.client();
  const auto give_up = client.clock().monotonic() + options.wait;
  while (true) {
    std::string who;
    auto taken = lock->try_take(options.take_over_from, who);
    if (!taken.ok()) return std::move(taken).error().within("taking the lock of release " + release);
    if (*taken) break;
    if (client.clock().monotonic() >= give_up)
      return Error(Code::locked, fmt::format("release {} is locked by {}", release, who),
                   fmt::format("wait for it (--lock-timeout 5m), or, if that run is dead, wait {} s for the lock to "
                               "expire; --take-over-lock \"HOLDER\" takes it now",
                               std::chrono::duration_cast<std::chrono::seconds>(kLeaseDuration).count()));
    bool rang = false;
    client.after(kPollEvery, [&rang] { rang = true; });
    TRY(client.run_until([&rang] { return rang; }, client.clock().monotonic() + 2 * kPollEvery));
  }
  lock->schedule();
  return lock;
}

// One attempt: true if it is ours, false with `who` holds it otherwise. Losing a race is "not yet", not an error.
Result<bool> Lock::try_take(const std::string& take_over_from, std::string& who) {
  auto& client = cluster_.client();
  const auto now = client.clock().now();
  ASSIGN_OR_RETURN(auto get, cluster_.get(id(), "coordination.k8s.io/v1"));
  auto found = client.call(std::move(get));
  std::optional<LeaseState> previous;
  if (found.ok()) {
    previous = lease_state(found.body);
    // Ours already if the answer to an earlier attempt was lost: an identity names one process.
    if (!may_take(*previous, now) && previous->holder != take_over_from && previous->holder != holder_) {
      who = fmt::format("\"{}\", last heard of {}", previous->holder, seconds_ago(now, previous->renewed));
      return false;
    }
  } else if (found.status != 404) {
    return std::move(found.error);
  }
  const Json lease = held_lease(release_, namespace_, holder_, now, previous);
  ASSIGN_OR_RETURN(auto write, previous ? cluster_.replace(id(), "coordination.k8s.io/v1", lease)
                                        : cluster_.create(id(), "coordination.k8s.io/v1", lease));
  auto written = client.call(std::move(write));
  if (written.status == 409) {
    who = "somebody who was faster";
    return false;
  }
  if (written.outcome_unknown) {
    who = "nobody knows: the answer was lost";
    return false;
  }
  if (!written.ok()) return std::move(written.error);
  state_ = lease_state(written.body);
  last_renewal_ = client.clock().monotonic();
  held_ = true;
  if (previous && !previous->holder.empty() && previous->holder != holder_)
    cluster_.tell({port::Event::Level::warning,
                   {},
                   "lock",
                   "",
                   "taken over",
                   fmt::format("from {}, last heard of {}", previous->holder, seconds_ago(now, previous->renewed))});
  return true;
}

void Lock::schedule() {
  timer_ = cluster_.client().after(kRenewEvery, [this, alive = alive_] {
    if (*alive) renew();
  });
}

void Lock::renew() {
  auto& client = cluster_.client();
  auto request = cluster_.replace(id(), "coordination.k8s.io/v1",
                                  held_lease(release_, namespace_, holder_, client.clock().now(), state_));
  if (!request.ok()) return schedule();
  client.send(std::move(request).value(), [this, alive = alive_](kube::Response response) {
    if (*alive) renewed(std::move(response));
  });
}

void Lock::renewed(kube::Response response) {
  if (response.ok()) {
    state_ = lease_state(response.body);
    last_renewal_ = cluster_.client().clock().monotonic();
    schedule();
  } else if (response.status == 409 || response.status == 404) {
    lost_ = "somebody else took it or deleted it";
  } else {
    schedule();  // the server is away for a moment; ok() gives up when it takes too long
  }
}

Result<> Lock::ok() const {
  const char* hint = "nothing more was written; see who is deploying with `nautilusctl history`, then run again";
  if (!lost_.empty())
    return Error(Code::locked, fmt::format("the lock of release {} was lost: {}", release_, lost_), hint);
  if (cluster_.client().clock().monotonic() - last_renewal_ > kGiveUpAfter)
    return Error(Code::locked, fmt::format("the lock of release {} could not be renewed in time", release_), hint);
  return {};
}

Result<> Lock::release() {
  if (!held_ || !lost_.empty()) return {};
  held_ = false;
  cluster_.client().cancel_timer(timer_);
  const Json lease = free_lease(release_, namespace_, cluster_.client().clock().now(), state_);
  ASSIGN_OR_RETURN(auto request, cluster_.replace(id(), "coordination.k8s.io/v1", lease));
  auto response = cluster_.client().call(std::move(request));
  if (!response.ok() && response.status != 404) return std::move(response.error).within("releasing the lock");
  return {};
}

Result<> Lock::erase() {
  held_ = false;
  cluster_.client().cancel_timer(timer_);
  ASSIGN_OR_RETURN(auto request, cluster_.remove(id(), "coordination.k8s.io/v1", ""));
  auto response = cluster_.client().call(std::move(request));
  if (!response.ok() && response.status != 404) return std::move(response.error).within("removing the lock");
  return {};
}

}  // namespace nautilus::release
