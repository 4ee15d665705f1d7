#include "engine/lease/role_label.h"

#include "core/kube/paths.h"

namespace nautilus::engine {

namespace {

constexpr port::Duration kPatience = std::chrono::seconds(5);  // of one write
constexpr port::Duration kFirstPause = std::chrono::milliseconds(250), kLongestPause = std::chrono::seconds(5);

}  // namespace

RoleLabel::RoleLabel(kube::Client& client, Pod pod, std::function<void(const std::string&)> on_trouble)
    : client_(client), pod_(std::move(pod)), on_trouble_(std::move(on_trouble)), thread_([this] { run(); }) {}

RoleLabel::~RoleLabel() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void RoleLabel::set(std::string role) {
  {
    const std::lock_guard guard(mutex_);
    wanted_ = std::move(role);
  }
  wake_.notify_all();
}

bool RoleLabel::settle(port::Duration patience) {
  std::unique_lock lock(mutex_);
  return settled_.wait_for(lock, patience, [&] { return there_ == wanted_; });
}

Result<> RoleLabel::write(const std::string& role) {
  kube::Request request;
  request.method = "PATCH";
  request.target = "/api/v1/namespaces/" + pod_.namespace_ + "/pods/" + pod_.name + "?fieldManager=nautilus-engine";
  request.content_type = "application/merge-patch+json";
  request.body = {{"metadata", {{"labels", {{pod_.label, role}}}}}};
  request.idempotent = true;
  request.timeout = kPatience;
  const kube::Response response = client_.call(std::move(request));
  if (response.ok()) return {};
  return Error(response.error).within("labelling Pod " + pod_.namespace_ + "/" + pod_.name + " as " + role);
}

void RoleLabel::run() {
  std::string told;
  port::Duration pause = kFirstPause;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (wanted_ == there_) {
      wake_.wait(lock, [&] { return stopping_ || wanted_ != there_; });
      pause = kFirstPause;
      continue;
    }
    const std::string role = wanted_;
    lock.unlock();
    const Result<> written = write(role);
    if (!written.ok() && written.error().text() != told && on_trouble_) on_trouble_(told = written.error().text());
    lock.lock();
    if (written.ok()) {
      there_ = role;
      settled_.notify_all();
      continue;
    }
    wake_.wait_for(lock, pause, [&] { return stopping_ || wanted_ != role; });
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace nautilus::engine
