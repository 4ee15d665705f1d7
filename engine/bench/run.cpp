#include <fmt/format.h>

#include "engine/bench/bench.h"

namespace nautilus::engine::bench {
namespace {

// What the measurements leave behind, by name: nothing else is ever removed.
bool is_ours(std::string_view name) {
  return name == ".lock" || name == "definitions.yaml" || name == "credentials.yaml" || name.ends_with(".log") ||
         name.ends_with(".snap") || name.ends_with(".tmp") || name.ends_with(".bin");
}

// A directory below the one that the user named, gone again in the end, whatever happened.
class Scratch {
 public:
  static Result<Scratch> make(const Ports& ports, const std::string& parent, const char* name) {
    Scratch out(ports, parent + "/" + name);
    TRY(ports.files.make_directories(out.path_));
    return out;
  }
  Scratch(Scratch&& other) noexcept : ports_(other.ports_), path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    if (path_.empty()) return;
    if (const auto names = ports_.files.list(path_); names.ok())
      for (const std::string& file : *names)
        if (is_ours(file)) (void)ports_.files.remove(path_ + "/" + file);
    (void)ports_.files.remove(path_);
  }
  const std::string& path() const { return path_; }

 private:
  Scratch(const Ports& ports, std::string path) : ports_(ports), path_(std::move(path)) {}
  const Ports& ports_;
  std::string path_;
};

// True: it was not there and has been made.
Result<bool> claim(const Ports& ports, const std::string& directory) {
  if (!ports.files.exists(directory)) {
    TRY(ports.files.make_directories(directory));
    return true;
  }
  ASSIGN_OR_RETURN(const auto names, ports.files.list(directory));
  if (names.empty()) return false;
  return Error(Code::refused, fmt::format("{} is not empty", directory),
               "name a directory that is not there yet, on the disk that is to be measured");
}

Result<> run_on_disk(const Ports& ports, const Request& request, std::optional<Part> only, Report& out) {
  if (only != Part::ack) {
    ASSIGN_OR_RETURN(const Scratch scratch, Scratch::make(ports, request.directory, "orders"));
    Request here = request;
    here.directory = scratch.path();
    ASSIGN_OR_RETURN(const JournalFigures journal, measure_journal(ports, here));
    if (only != Part::replay) out.journal = journal;
    if (only != Part::journal) { ASSIGN_OR_RETURN(out.replay, measure_replay(ports, here)); }
  }
  if (only && only != Part::ack) return {};
  ASSIGN_OR_RETURN(const Scratch scratch, Scratch::make(ports, request.directory, "ack"));
  Request here = request;
  here.directory = scratch.path();
  ASSIGN_OR_RETURN(out.ack, measure_ack(ports, here));
  return {};
}

}  // namespace

Result<Report> run(const Ports& ports, const Request& request, std::optional<Part> only) {
  Report out;
  // Before anything that takes long.
  const bool disk = only != Part::books;
  bool made = false;
  if (disk) { ASSIGN_OR_RETURN(made, claim(ports, request.directory)); }
  Result<> done;
  if (!only || only == Part::books) {
    auto books = measure_books(ports, request);
    if (books.ok())
      out.books = *books;
    else
      done = std::move(books).error();
  }
  if (done.ok() && disk) done = run_on_disk(ports, request, only, out);
  if (made) (void)ports.files.remove(request.directory);
  TRY(std::move(done));
  return out;
}

}  // namespace nautilus::engine::bench
