// Files, processes, signals and randomness of this machine.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "core/host/real_ports.h"

namespace nautilus::host {
namespace {

struct TemporaryDirectory {
  TemporaryDirectory() {
    char name[] = "/tmp/nautilus-host-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TemporaryDirectory() { remove_tree(path); }
  void remove_tree(const std::string& at) {
    RealFilesystem files;
    const auto info = files.stat(at);
    if (info.ok() && info->type == port::FileInfo::Type::directory) {
      const auto names = files.list(at);
      if (names.ok()) {
        for (const std::string& name : *names) remove_tree(at + "/" + name);
      }
    }
    (void)files.remove(at).ok();
  }
  std::string path;
};

Result<port::ProcessOutput> shell(const std::string& script, std::string input = {},
                                  port::Duration timeout = std::chrono::seconds(20),
                                  std::uint64_t max_output = 1u << 20) {
  port::ProcessSpec spec;
  spec.argv = {"sh", "-c", script};
  spec.env["NAUTILUS_TEST"] = "a b";
  spec.input = std::move(input);
  spec.timeout = timeout;
  spec.max_output = max_output;
  return RealProcess().run(spec);
}

}  // namespace

TEST_CASE("a file is written whole, with its mode and parents, and read back") {
  const TemporaryDirectory directory;
  RealFilesystem files;
  const std::string path = directory.path + "/a/b/file";
  REQUIRE(files.write(path, std::string("x\0y", 3), 0600).ok());
  REQUIRE(files.write(path, "second", 0640).ok());
  CHECK(*files.read(path) == "second");
  CHECK(files.stat(path)->size == 6);
  struct ::stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0640);
  CHECK(*files.list(directory.path + "/a/b") == std::vector<std::string>{"file"});  // no temporary is left
  CHECK(files.read(path, 5).error().code == Code::limit);
  REQUIRE(files.remove(path).ok());
  CHECK_FALSE(files.exists(path));
}

TEST_CASE("what cannot be done with files is said with the path") {
  const TemporaryDirectory directory;
  RealFilesystem files;
  const std::string base = directory.path;
  REQUIRE(files.write(base + "/plain", "x", 0644).ok());
  CHECK(files.read(base + "/none").error().code == Code::not_found);
  CHECK(files.stat(base + "/none").error().code == Code::not_found);
  CHECK(files.list(base + "/none").error().code == Code::not_found);
  CHECK(files.remove(base + "/none").error().code == Code::not_found);
  CHECK_FALSE(files.write(base + "/plain/child", "x", 0644).ok());
  CHECK_FALSE(files.make_directories(base + "/plain").ok());
  CHECK_FALSE(files.write(base, "x", 0644).ok());  // a directory is there
  CHECK(files.read(base + "/none").error().message.find(base + "/none") != std::string::npos);
}

TEST_CASE("a write that fails half-way says so and leaves what was there") {
  const TemporaryDirectory directory;
  RealFilesystem files;
  const std::string path = directory.path + "/keep";
  REQUIRE(files.write(path, "old", 0644).ok());
  // A limit on the size of files fails write(2) like a full disk does.
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 100;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto result = files.write(path, std::string(1000, 'x'), 0644);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Code::io);
  CHECK(result.error().message.find(path) != std::string::npos);
  CHECK(*files.read(path) == "old");
  CHECK(files.list(directory.path)->size() == 1);
}

TEST_CASE("programs run without a shell, with input, environment and both outputs") {
  auto out = shell("cat; printf %s \"$NAUTILUS_TEST\"; echo oops >&2; exit 3", "input ");
  REQUIRE(out.ok());
  CHECK(out->out == "input a b");
  CHECK(out->err == "oops\n");
  CHECK(out->exit_status == 3);
  port::ProcessSpec spec;
  spec.argv = {"printf", "%s", "$HOME; echo"};
  CHECK(RealProcess().run(spec)->out == "$HOME; echo");
  CHECK(shell("kill -9 $$")->exit_status == 137);
  CHECK(shell("exec <&-; exit 0", std::string(1 << 20, 'x'))->exit_status == 0);  // input that nobody reads
  CHECK(shell("cat | wc -c", std::string(1 << 20, 'x'))->out.find("1048576") != std::string::npos);
}

TEST_CASE("programs that misbehave are ended, with all they started") {
  RealClock clock;
  const auto begin = clock.monotonic();
  CHECK(shell("sleep 60 & sleep 60; echo", {}, std::chrono::milliseconds(200)).error().code == Code::timeout);
  CHECK(shell("exec >&- 2>&-; exec sleep 60", {}, std::chrono::milliseconds(200)).error().code == Code::timeout);
  CHECK(shell("yes", {}, std::chrono::seconds(20), 1000).error().code == Code::limit);
  CHECK(clock.monotonic() - begin < std::chrono::seconds(15));
  port::ProcessSpec missing;
  missing.argv = {"no-such-program-here"};
  CHECK(RealProcess().run(missing).error().code == Code::not_found);
  missing.argv = {"/etc/passwd"};
  CHECK(RealProcess().run(missing).error().code == Code::io);
  missing.argv.clear();
  CHECK(RealProcess().run(missing).error().code == Code::invalid);
}

TEST_CASE("a signal sets the flag, wakes the poll and stops a child") {
  SignalInterrupt interrupt;
  CHECK_FALSE(interrupt.requested());
  RealClock clock;
  RealProcess process(&interrupt);
  std::thread killer([pid = ::getpid()] {
    RealClock own;
    const auto until = own.monotonic() + std::chrono::milliseconds(100);
    while (own.monotonic() < until) std::this_thread::yield();
    ::kill(pid, SIGTERM);
  });
  port::ProcessSpec spec;
  spec.argv = {"sleep", "60"};
  const auto out = process.run(spec);
  killer.join();
  CHECK(out.error().code == Code::interrupted);
  CHECK(interrupt.requested());
  // What runs afterwards, to put things in order, is not stopped by the same signal.
  spec.argv = {"true"};
  CHECK(process.run(spec).ok());
}

TEST_CASE("a second signal ends the process with status 130") {
  const pid_t child = ::fork();
  if (child == 0) {
    const SignalInterrupt interrupt;
    ::raise(SIGINT);
    ::raise(SIGINT);
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
}

TEST_CASE("random bytes differ") {
  OsEntropy entropy;
  CHECK(port::random_alphanumeric(entropy, 32) != port::random_alphanumeric(entropy, 32));
}

}  // namespace nautilus::host
