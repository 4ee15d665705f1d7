#include "core/apply/wait.h"

#include <fmt/ranges.h>

#include "core/kube/reader.h"
#include "core/kube/watch.h"

namespace nautilus::apply {

namespace {

constexpr port::Duration kSummaryEvery = std::chrono::seconds(10);
constexpr int kAskWhyEvery = 3;  // summaries
constexpr std::size_t kNamedInSummary = 3;
constexpr std::size_t kNamedInError = 8;

struct Pending {
  std::string api_version;
  Json latest;
  status::Verdict verdict;
};

class HealthWait {
 public:
  HealthWait(Cluster& cluster, const WaitOptions& options) : cluster_(cluster), options_(options) {}
  ~HealthWait() { client().cancel_timer(summary_); }

  Result<> run(std::vector<Awaited> objects) {
    for (auto& object : objects) {
      pending_[object.id] = {object.api_version, Json(), {}};
      if (!object.latest.is_null()) observe(object.id, object.latest);
    }
    TRY(watch_what_is_left());
    schedule_summary();
    const auto deadline = client().clock().monotonic() + options_.timeout;
    auto done = client().run_until([this] { return pending_.empty() || stop_; }, deadline);
    watches_.clear();
    if (!done.ok() && done.error().code == Code::timeout) return out_of_time();
    TRY(std::move(done).within(options_.phase));
    if (stop_) return std::move(*stop_).within(options_.phase);
    return {};
  }

 private:
  kube::Client& client() { return cluster_.client(); }

  void observe(const value::ObjectId& id, const Json& object) {
    auto found = pending_.find(id);
    if (found == pending_.end()) return;
    auto& pending = found->second;
    pending.latest = object;
    const std::string before = pending.verdict.message;
    pending.verdict = status::compute(object);
    if (pending.verdict.state == status::State::current) {
      cluster_.tell({port::Event::Level::info, {}, options_.phase, id.text(), "ready", ""});
      pending_.erase(found);
    } else if (pending.verdict.state == status::State::failed) {
      failed(id, pending);
    } else if (pending.verdict.message != before) {
      cluster_.tell({port::Event::Level::debug, {}, options_.phase, id.text(), "waiting", pending.verdict.message});
    }
  }

  // By value: explaining asks the server, and what is answered meanwhile changes pending_.
  void failed(value::ObjectId id, Pending pending) {
    if (stop_) return;
    cluster_.tell({port::Event::Level::error, {}, options_.phase, id.text(), "failed", pending.verdict.message});
    stop_ = Error(Code::invalid, fmt::format("{} failed: {}", id.text(), why(id, pending)),
                  "fix the cause and run the deploy again, or go back with `nautilusctl rollback`");
  }

  std::string why(const value::ObjectId& id, const Pending& pending) {
    if (pending.latest.is_null()) return "not seen in the cluster yet";
    const std::string more = explain(cluster_, id, pending.latest);
    return more.empty() ? pending.verdict.message : pending.verdict.message + "; " + more;
  }

  Result<> watch_what_is_left() {
    std::map<std::tuple<std::string, std::string, std::string>, std::vector<value::ObjectId>> groups;
    for (const auto& [id, pending] : pending_) groups[{pending.api_version, id.kind, id.namespace_}].push_back(id);
    for (const auto& [key, ids] : groups) {
      ASSIGN_OR_RETURN(const auto* resource, cluster_.resource(ids.front(), std::get<0>(key)));
      kube::ListOptions list;
      list.namespace_ = ids.front().namespace_;
      if (ids.size() == 1) list.field_selector = "metadata.name=" + ids.front().name;
      watches_.push_back(std::make_unique<kube::Watch>(client(), *resource, list, handlers(ids.front())));
    }
    return {};
  }

  kube::WatchHandlers handlers(const value::ObjectId& like) {
    kube::WatchHandlers handlers;
    handlers.on_change = [this, like](kube::WatchHandlers::Change change, const Json& object) {
      ask_guard();
      const value::ObjectId id{like.group, like.kind, like.namespace_, value::string_at(object, "metadata", "name")};
      if (change != kube::WatchHandlers::Change::deleted) return observe(id, object);
      if (pending_.contains(id) && !stop_)
        stop_ = Error(Code::conflict, fmt::format("{} was deleted by somebody while it was waited for", id.text()));
    };
    handlers.on_problem = [this](const Error& error) {
      cluster_.tell({port::Event::Level::warning, {}, options_.phase, "", "watch", error.text()});
      ask_guard();
    };
    handlers.on_failed = [this](const Error& error) {
      if (!stop_) stop_ = error;
    };
    return handlers;
  }

  void ask_guard() {
    if (stop_ || !options_.guard) return;
    if (auto fine = options_.guard(); !fine.ok()) stop_ = std::move(fine).error();
  }

  void schedule_summary() {
    summary_ = client().after(kSummaryEvery, [this] {
      ask_guard();
      std::string text = named(kNamedInSummary, false);
      // The same line again and again says nothing; after a minute of it the reasons are worth asking for.
      if (text == last_summary_ && ++repeated_ % kAskWhyEvery == 0) text = named(kNamedInSummary, true);
      if (text != last_summary_) cluster_.tell({port::Event::Level::info, {}, options_.phase, "", "waiting", text});
      if (repeated_ % kAskWhyEvery != 0 || repeated_ == 0) last_summary_ = std::move(text);
      schedule_summary();
    });
  }

  // "Deployment ns/x (3 of 10 ready), ... and 4 more"
  std::string named(std::size_t limit, bool with_reasons) {
    std::vector<std::string> names;
    const auto waiting = pending_;  // explaining asks the server, which may change pending_
    for (const auto& [id, pending] : waiting) {
      if (names.size() == limit) break;
      names.push_back(fmt::format("{} ({})", id.text(), with_reasons ? why(id, pending) : pending.verdict.message));
    }
    std::string out = fmt::format("{}", fmt::join(names, ", "));
    if (waiting.size() > limit) out += fmt::format(" and {} more", waiting.size() - limit);
    return out;
  }

  Error out_of_time() {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.timeout).count();
    return Error(Code::timeout, fmt::format("not healthy after {} s: {}", seconds, named(kNamedInError, true)),
                 "the deploy can be run again and goes on from here; --timeout gives it longer")
        .within(options_.phase);
  }

  Cluster& cluster_;
  const WaitOptions& options_;
  std::map<value::ObjectId, Pending> pending_;
  std::vector<std::unique_ptr<kube::Watch>> watches_;
  std::optional<Error> stop_;
  kube::TimerId summary_{};
  std::string last_summary_;
  int repeated_ = 0;
};

// "app=x,tier in (a,b)": a LabelSelector as a query. Expressions without values are existence tests.
std::string selector_text(const Json& selector) {
  std::vector<std::string> parts;
  if (const Json* labels = value::find(selector, "matchLabels"); labels && labels->is_object())
    for (const auto& [key, label] : labels->items())
      if (label.is_string()) parts.push_back(key + "=" + label.get<std::string>());
  return fmt::format("{}", fmt::join(parts, ","));
}

// Some reasons are in no status, only in events: a volume that cannot be mounted because its Secret is missing.
std::string last_warning(Cluster& cluster, const std::string& space, const std::vector<Json>& pods) {
  auto events = cluster.resource(value::GroupVersion{"", "v1"}, "Event");
  if (!events.ok()) return "";
  for (const auto& pod : pods) {
    if (status::compute(pod).state == status::State::current) continue;
    const std::string name = value::string_at(pod, "metadata", "name");
    kube::ListOptions list;
    list.namespace_ = space;
    list.field_selector = "involvedObject.name=" + name + ",type=Warning";
    auto found = kube::Reader(cluster.client()).list(**events, list);
    if (!found.ok() || found->items.empty()) return "";
    const Json& last = found->items.back();
    return kube::printable(
        fmt::format("pod {}: {}: {}", name, value::string_at(last, "reason"), value::string_at(last, "message")));
  }
  return "";
}

}  // namespace

Result<> wait_until_healthy(Cluster& cluster, std::vector<Awaited> objects, const WaitOptions& options) {
  return HealthWait(cluster, options).run(std::move(objects));
}

Result<> wait_until_gone(Cluster& cluster, const std::vector<Wanted>& objects, const WaitOptions& options) {
  const auto deadline = cluster.client().clock().monotonic() + options.timeout;
  for (const auto& object : objects) {
    if (options.guard) TRY(options.guard());
    auto resource = cluster.resource(object.id, object.api_version);
    if (!resource.ok()) continue;  // its CustomResourceDefinition is gone, and it with it
    TRY(kube::wait_until_gone(cluster.client(), **resource, object.id.namespace_, object.id.name, object.uid, deadline)
            .within(fmt::format("waiting until {} is gone", object.id.text())));
    cluster.tell({port::Event::Level::info, {}, options.phase, object.id.text(), "gone", ""});
  }
  return {};
}

std::string explain(Cluster& cluster, const value::ObjectId& id, const Json& object) {
  const Json* selector = value::find(object, "spec", "selector");
  if (id.namespace_.empty() || !selector) return "";
  auto pods = cluster.resource(value::GroupVersion{"", "v1"}, "Pod");
  const std::string labels = selector_text(*selector);
  if (!pods.ok() || labels.empty()) return "";
  kube::ListOptions list;
  list.namespace_ = id.namespace_;
  list.label_selector = labels;
  auto found = kube::Reader(cluster.client()).list(**pods, list);
  // An explanation is a courtesy: without it the verdict's own message stands.
  if (!found.ok()) return "";
  const std::string said = status::explain(object, found->items);
  return said.empty() ? last_warning(cluster, id.namespace_, found->items) : said;
}

}  // namespace nautilus::apply
