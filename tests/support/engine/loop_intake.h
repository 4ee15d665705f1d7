// An intake without a journal: a thread that applies commands to a machine and releases the events at once. For tests
// and demonstrations of what stands in front of the sequencer.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/port/clock.h"
#include "engine/gateway/status.h"
#include "engine/model/machine.h"
#include "engine/sequencer/intake.h"

namespace nautilus::testing {

class LoopIntake final : public engine::Intake, public engine::StatusProvider {
 public:
  LoopIntake(engine::Machine& machine, const port::Clock& clock, std::size_t capacity = 65'536)
      : machine_(machine), clock_(clock), capacity_(capacity) {}
  ~LoopIntake() override { stop(); }

  void start(engine::Outlet& outlet) {
    outlet_ = &outlet;
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    {
      std::lock_guard guard(lock_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  // Applied before the thread starts.
  void apply_now(engine::Command command) {
    std::vector<engine::Event> events;
    number(command);
    machine_.apply(command, events);
  }

  engine::Submitted submit(const engine::Command& command) override {
    {
      std::lock_guard guard(lock_);
      const bool closes = command.type == engine::CommandType::close_session;
      if (answer != engine::Submitted::taken && !(closes && answer == engine::Submitted::stopping)) return answer;
      if (queue_.size() >= capacity_) return engine::Submitted::full;
      queue_.push_back(command);
    }
    wake_.notify_one();
    return engine::Submitted::taken;
  }
  engine::EngineStatus status() const override {
    std::lock_guard guard(lock_);
    engine::EngineStatus out;
    out.state = draining_ ? engine::ServingState::draining : state;
    out.submitted = out.durable = out.released = sequence_;
    return out;
  }
  void drain() override {
    std::lock_guard guard(lock_);
    draining_ = true;
  }
  bool draining() const {
    std::lock_guard guard(lock_);
    return draining_;
  }

  // Set before start(), or from the thread that submits.
  engine::Submitted answer = engine::Submitted::taken;
  engine::ServingState state = engine::ServingState::primary;

 private:
  void number(engine::Command& command) {
    command.sequence = ++sequence_;
    command.time = clock_.now().time_since_epoch().count();
  }
  void run() {
    std::vector<engine::Event> events;
    std::unique_lock guard(lock_);
    while (true) {
      wake_.wait(guard, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      std::deque<engine::Command> batch = std::exchange(queue_, {});
      for (auto& command : batch) number(command);
      guard.unlock();
      for (const auto& command : batch) {
        events.clear();
        machine_.apply(command, events);
        if (!events.empty()) outlet_->released(events);
      }
      guard.lock();
    }
  }

  engine::Machine& machine_;
  const port::Clock& clock_;
  const std::size_t capacity_;
  engine::Outlet* outlet_ = nullptr;
  mutable std::mutex lock_;
  std::condition_variable wake_;
  std::deque<engine::Command> queue_;
  engine::Sequence sequence_ = 0;
  bool stopping_ = false, draining_ = false;
  std::thread thread_;
};

}  // namespace nautilus::testing
