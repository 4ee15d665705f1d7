#include "core/host/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <system_error>

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace nautilus::host {
namespace {

using std::chrono::steady_clock;

constexpr int kReapIntervalMs = 5;  // between looks for a child that closed its output and has not ended
constexpr std::size_t kReadChunk = 16384;

std::string reason(int error) { return std::generic_category().message(error); }

struct Fd {
  int value = -1;
  Fd() = default;
  ~Fd() { reset(); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  void reset() {
    if (value >= 0) ::close(value);
    value = -1;
  }
};

bool make_pipe(Fd& read_end, Fd& write_end) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  read_end.value = ends[0];
  write_end.value = ends[1];
  ::fcntl(read_end.value, F_SETFL, O_NONBLOCK);
  return true;
}

// A socket, not a pipe: writing to a child that has gone must not raise SIGPIPE.
bool make_input(Fd& ours, Fd& theirs) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  ours.value = ends[0];
  theirs.value = ends[1];
  ::fcntl(ours.value, F_SETFL, O_NONBLOCK);
  return true;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) out.emplace_back(text);
  }
  for (const auto& [name, value] : added) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// One child from spawn to reap.
class Child {
 public:
  Child(const port::ProcessSpec& spec, const SignalInterrupt* interrupt) : spec_(spec), interrupt_(interrupt) {}
  ~Child() {
    if (pid_ > 0) {
      kill_group();
      int status = 0;
      while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  Result<port::ProcessOutput> run();

 private:
  Result<> spawn();
  Result<> exchange();
  Result<int> reap();
  Result<> check_limits(steady_clock::time_point deadline) const;
  void kill_group() const { ::kill(spec_.pass_terminal ? pid_ : -pid_, SIGKILL); }
  void feed();
  bool drain(Fd& from, std::string& into);
  int remaining_ms(int at_most) const;

  const port::ProcessSpec& spec_;
  const SignalInterrupt* interrupt_;
  bool interrupted_before_ = false;
  pid_t pid_ = -1;
  Fd input_, out_, err_;
  std::size_t fed_ = 0;
  bool too_much_ = false;
  port::ProcessOutput output_;
  steady_clock::time_point deadline_;
};

Result<port::ProcessOutput> Child::run() {
  if (spec_.argv.empty() || spec_.argv.front().empty()) return Error(Code::invalid, "no program was named");
  interrupted_before_ = interrupt_ != nullptr && interrupt_->requested();
  deadline_ = steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(spec_.timeout);
  const std::string doing = fmt::format("running {}", spec_.argv.front());
  if (auto spawned = spawn(); !spawned.ok()) return std::move(spawned.error()).within(doing);
  if (auto exchanged = exchange(); !exchanged.ok()) return std::move(exchanged.error()).within(doing);
  auto status = reap();
  if (!status.ok()) return std::move(status.error()).within(doing);
  output_.exit_status = *status;
  return std::move(output_);
}

Result<> Child::spawn() {
  Fd their_input, their_out, their_err;
  bool made = make_pipe(out_, their_out);
  if (!spec_.pass_terminal) made = made && make_pipe(err_, their_err) && make_input(input_, their_input);
  if (!made) return Error(Code::io, fmt::format("cannot make a pipe: {}", reason(errno)));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, their_out.value, STDOUT_FILENO);
  if (!spec_.pass_terminal) {
    posix_spawn_file_actions_adddup2(&actions, their_err.value, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, their_input.value, STDIN_FILENO);
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP}) sigaddset(&defaults, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (!spec_.pass_terminal) flags |= POSIX_SPAWN_SETPGROUP;
  posix_spawnattr_setflags(&attributes, static_cast<short>(flags));

  std::vector<std::string> arguments = spec_.argv;
  std::vector<std::string> variables = merged_environment(spec_.env);
  const int error = ::posix_spawnp(&pid_, arguments.front().c_str(), &actions, &attributes, pointers(arguments).data(),
                                   pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return {};
  pid_ = -1;
  const bool missing = error == ENOENT;
  return Error(missing ? Code::not_found : Code::io,
               missing ? fmt::format("the program {} was not found", spec_.argv.front())
                       : fmt::format("the program {} cannot be started: {}", spec_.argv.front(), reason(error)));
}

int Child::remaining_ms(int at_most) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, at_most));
}

Result<> Child::check_limits(steady_clock::time_point deadline) const {
  if (too_much_) return Error(Code::limit, fmt::format("it wrote more than {} bytes", spec_.max_output));
  if (interrupt_ != nullptr && !interrupted_before_ && interrupt_->requested())
    return Error(Code::interrupted, "interrupted");
  if (steady_clock::now() >= deadline)
    return Error(Code::timeout, fmt::format("it did not finish within {} s",
                                            std::chrono::duration_cast<std::chrono::seconds>(spec_.timeout).count()));
  return {};
}

void Child::feed() {
  const ssize_t sent =
      ::send(input_.value, spec_.input.data() + fed_, spec_.input.size() - fed_, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0) fed_ += static_cast<std::size_t>(sent);
  const bool failed = sent < 0 && errno != EAGAIN && errno != EINTR;
  if (failed || fed_ == spec_.input.size()) input_.reset();
}

// True while the other end is open.
bool Child::drain(Fd& from, std::string& into) {
  std::array<char, kReadChunk> chunk;
  for (;;) {
    const ssize_t got = ::read(from.value, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    if (into.size() + static_cast<std::size_t>(got) > spec_.max_output) {
      too_much_ = true;
      return true;
    }
    into.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

Result<> Child::exchange() {
  if (input_.value >= 0 && spec_.input.empty()) input_.reset();
  while (out_.value >= 0 || err_.value >= 0) {
    TRY(check_limits(deadline_));
    std::array<pollfd, 4> fds{
        {{out_.value, POLLIN, 0},
         {err_.value, POLLIN, 0},
         {input_.value, POLLOUT, 0},
         {interrupt_ != nullptr && !interrupted_before_ ? interrupt_->wake_fd() : -1, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), remaining_ms(60'000));
    if (ready < 0 && errno != EINTR) return Error(Code::io, fmt::format("poll failed: {}", reason(errno)));
    if (ready <= 0) continue;
    if (fds[0].revents != 0 && !drain(out_, output_.out)) out_.reset();
    if (fds[1].revents != 0 && !drain(err_, output_.err)) err_.reset();
    if (fds[2].revents != 0) feed();
  }
  return {};
}

Result<int> Child::reap() {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) {
      pid_ = -1;
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    if (ended < 0 && errno != EINTR) {
      pid_ = -1;
      return Error(Code::io, fmt::format("its exit status is lost: {}", reason(errno)));
    }
    TRY(check_limits(deadline_));
    ::poll(nullptr, 0, remaining_ms(kReapIntervalMs));
  }
}

}  // namespace

Result<port::ProcessOutput> RealProcess::run(const port::ProcessSpec& spec) { return Child(spec, interrupt_).run(); }

std::optional<std::string> RealProcess::environment(const std::string& name) const {
  const char* value = ::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace nautilus::host
