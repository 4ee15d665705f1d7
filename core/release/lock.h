// Holds the lock of a release while a run writes: takes the Lease, renews it, and knows when it is lost.
//
// The renewal is a timer of the client, so it runs whenever the client is pumped; a run that does not pump does not
// write either. ok() is asked before every batch of writes: it fails once a renewal was refused or is overdue.
// Threading: the client's thread.
#pragma once

#include <memory>
#include <string>

#include "core/apply/cluster.h"
#include "core/release/lease.h"

namespace nautilus::release {

struct LockOptions {
  std::string holder;          // who: "ann@host pid 4711"
  port::Duration wait{};       // how long to wait for a holder to finish; 0 = refuse at once (Code::locked)
  std::string take_over_from;  // take it although this holder has it: the whole identity, as the error prints it
};

class Lock {
 public:
  static Result<std::unique_ptr<Lock>> take(apply::Cluster& cluster, const std::string& release,
                                            const std::string& namespace_, const LockOptions& options);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  // Code::locked if the lock was lost: taken by somebody else, or not renewed for kGiveUpAfter.
  Result<> ok() const;
  // Gives it back; the Lease object stays, free. Also done, silently, by the destructor.
  Result<> release();
  // Deletes the Lease object (destroy).
  Result<> erase();

 private:
  Lock(apply::Cluster& cluster, std::string release, std::string space, std::string holder);
  Result<bool> try_take(const std::string& take_over_from, std::string& who);
  void schedule();
  void renew();
  void renewed(kube::Response response);
  value::ObjectId id() const;

  apply::Cluster& cluster_;
  std::string release_, namespace_, holder_;
  LeaseState state_;
  port::Monotonic last_renewal_{};
  bool held_ = false;
  std::string lost_;  // why, if it is lost
  kube::TimerId timer_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace nautilus::release
