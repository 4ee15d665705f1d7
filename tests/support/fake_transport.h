// A scripted server, a virtual clock, a memory file system and friends, for tests of whatever stands on the ports.
//
// Every submitted request is answered by the first rule whose method and target prefix fit (rules are used up in order;
// `times` < 0 stays). Answers arrive `delay` later on the virtual clock, which only poll() moves.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/port/ports.h"

namespace nautilus::test {

class FakeClock final : public port::Clock {
 public:
  port::WallTime now() const override { return start + elapsed; }
  port::Monotonic monotonic() const override { return std::chrono::hours(1) + elapsed; }
  port::WallTime start{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23)};
  port::Duration elapsed{0};
  double seconds() const { return std::chrono::duration<double>(elapsed).count(); }
};

class FakeEntropy final : public port::Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = std::byte{next_ += 37};
  }

 private:
  unsigned char next_ = 0;
};

class FakeInterrupt final : public port::Interrupt {
 public:
  bool requested() const override { return flag; }
  bool flag = false;
};

struct Rule {
  std::string method;  // "" = any
  std::string target;  // prefix
  int status = 200;
  std::string body;
  std::vector<port::Header> headers;
  std::optional<Error> failure;  // instead of an answer
  bool permanent = false;
  port::Duration delay{0};
  int times = 1;
  std::vector<std::string> chunks;  // of a stream
  bool hang = false;                // a stream that stays open after its chunks; a request that is never answered
};

class FakeTransport final : public port::HttpTransport {
 public:
  struct Log {
    struct Entry {
      port::HttpRequest request;
      port::Duration at{0};
      std::string header(std::string_view name) const {
        for (const port::Header& h : request.headers) {
          if (h.name == name) return h.value;
        }
        return {};
      }
    };
    std::vector<Entry> requests;
    std::deque<Rule> rules;
    std::size_t in_flight = 0, most_in_flight = 0;
    std::size_t cancelled = 0;
    std::function<void(const port::HttpRequest&)> on_submit;
  };

  FakeTransport(FakeClock& clock, std::shared_ptr<Log> log) : clock_(clock), log_(std::move(log)) {}

  port::RequestId submit(port::HttpRequest request) override {
    const port::RequestId id = next_++;
    if (log_->on_submit) log_->on_submit(request);
    const Rule rule = take(request);
    const port::Duration at = clock_.elapsed + rule.delay;
    port::HttpEvent event;
    event.id = id;
    if (rule.failure) {
      event.kind = port::HttpEvent::Kind::failed;
      event.error = *rule.failure;
      event.permanent = rule.permanent;
      queue(at, event);
    } else if (request.stream) {
      event.kind = port::HttpEvent::Kind::headers;
      event.response.status = rule.status;
      event.response.headers = rule.headers;
      queue(at, event);
      std::vector<std::string> chunks = rule.chunks;
      if (!rule.body.empty()) chunks.push_back(rule.body);
      for (const std::string& chunk : chunks) {
        port::HttpEvent data;
        data.id = id;
        data.kind = port::HttpEvent::Kind::data;
        data.data = chunk;
        queue(at, data);
      }
      port::HttpEvent done;
      done.id = id;
      done.response.status = rule.status;
      if (!rule.hang) queue(at, done);
    } else if (!rule.hang) {
      event.response.status = rule.status;
      event.response.headers = rule.headers;
      event.response.body = rule.body;
      queue(at, event);
    }
    if (!request.stream) {
      ++log_->in_flight;
      log_->most_in_flight = std::max(log_->most_in_flight, log_->in_flight);
      plain_.insert({id, true});
    }
    log_->requests.push_back({std::move(request), clock_.elapsed});
    return id;
  }

  std::vector<port::HttpEvent> poll(port::Monotonic deadline) override {
    const port::Duration until = deadline - std::chrono::hours(1);
    if (queue_.empty() || queue_.begin()->first.first > until) {
      clock_.elapsed = std::max(clock_.elapsed, until);
      return {};
    }
    clock_.elapsed = std::max(clock_.elapsed, queue_.begin()->first.first);
    std::vector<port::HttpEvent> out;
    while (!queue_.empty() && queue_.begin()->first.first <= clock_.elapsed) {
      out.push_back(std::move(queue_.begin()->second));
      queue_.erase(queue_.begin());
      const bool ended =
          out.back().kind == port::HttpEvent::Kind::done || out.back().kind == port::HttpEvent::Kind::failed;
      if (ended && plain_.erase(out.back().id) > 0) --log_->in_flight;
    }
    return out;
  }

  void cancel(port::RequestId id) override {
    ++log_->cancelled;
    if (plain_.erase(id) > 0) --log_->in_flight;
    std::erase_if(queue_, [id](const auto& entry) { return entry.second.id == id; });
  }

 private:
  Rule take(const port::HttpRequest& request) {
    for (auto rule = log_->rules.begin(); rule != log_->rules.end(); ++rule) {
      if (!rule->method.empty() && rule->method != request.method) continue;
      if (request.target.compare(0, rule->target.size(), rule->target) != 0) continue;
      Rule out = *rule;
      if (rule->times > 0 && --rule->times == 0) log_->rules.erase(rule);
      return out;
    }
    Rule none;
    none.status = 404;
    none.body = R"({"kind":"Status","status":"Failure","reason":"NotFound","message":"no rule for )" + request.method +
                " " + request.target + R"(","code":404})";
    return none;
  }
  void queue(port::Duration at, port::HttpEvent event) { queue_.emplace(std::pair(at, sequence_++), std::move(event)); }

  FakeClock& clock_;
  std::shared_ptr<Log> log_;
  std::map<std::pair<port::Duration, std::uint64_t>, port::HttpEvent> queue_;
  std::map<port::RequestId, bool> plain_;
  std::uint64_t sequence_ = 0;
  port::RequestId next_ = 1;
};

class FakeConnector final : public port::Connector {
 public:
  explicit FakeConnector(FakeClock& clock) : clock_(clock) {}
  Result<std::unique_ptr<port::HttpTransport>> connect(const port::Endpoint& endpoint) override {
    endpoints.push_back(endpoint);
    return std::unique_ptr<port::HttpTransport>(std::make_unique<FakeTransport>(clock_, log));
  }
  std::shared_ptr<FakeTransport::Log> log = std::make_shared<FakeTransport::Log>();
  std::vector<port::Endpoint> endpoints;

 private:
  FakeClock& clock_;
};

class MemoryFilesystem final : public port::Filesystem {
 public:
  Result<std::string> read(const std::string& path, std::uint64_t max_bytes = 64u << 20) const override {
    const auto found = files.find(path);
    if (found == files.end()) return Error(Code::not_found, "cannot read " + path + ": No such file or directory");
    if (found->second.size() > max_bytes) return Error(Code::limit, path + " is too large");
    return found->second;
  }
  Result<> write(const std::string& path, std::string_view content, unsigned = 0644) override {
    files[path] = content;
    return {};
  }
  Result<port::FileInfo> stat(const std::string& path) const override {
    const auto found = files.find(path);
    if (found == files.end()) return Error(Code::not_found, "cannot look at " + path + ": No such file or directory");
    port::FileInfo out;
    out.size = found->second.size();
    return out;
  }
  Result<std::vector<std::string>> list(const std::string& path) const override {
    std::vector<std::string> out;
    for (const auto& [name, content] : files) {
      if (name.compare(0, path.size() + 1, path + "/") == 0 && name.find('/', path.size() + 1) == std::string::npos)
        out.push_back(name.substr(path.size() + 1));
    }
    return out;
  }
  Result<> make_directories(const std::string&) override { return {}; }
  Result<> remove(const std::string& path) override {
    if (files.erase(path) == 0) return Error(Code::not_found, "cannot remove " + path);
    return {};
  }
  std::map<std::string, std::string> files;
};

class FakeProcess final : public port::Process {
 public:
  Result<port::ProcessOutput> run(const port::ProcessSpec& spec) override {
    runs.push_back(spec);
    return on_run ? on_run(spec) : Result<port::ProcessOutput>(Error(Code::not_found, "the program was not found"));
  }
  std::optional<std::string> environment(const std::string& name) const override {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  }
  std::map<std::string, std::string> variables;
  std::function<Result<port::ProcessOutput>(const port::ProcessSpec&)> on_run;
  std::vector<port::ProcessSpec> runs;
};

// All of them together.
struct FakeWorld {
  FakeClock clock;
  MemoryFilesystem files;
  FakeProcess process;
  FakeEntropy entropy;
  FakeInterrupt interrupt;
  FakeConnector connector{clock};
  port::Ports ports() { return {clock, files, process, entropy, interrupt, connector}; }
  FakeTransport::Log& log() { return *connector.log; }
  void rule(Rule rule) { connector.log->rules.push_back(std::move(rule)); }
};

}  // namespace nautilus::test
