// Everything a deploy of one environment needs, in one file: for clusters without a way to the internet.
//
// A bundle is a tar archive with `index.json` first: the environment's file, values and chart as they lie in the
// project, the operators' charts (those of repositories as operators/<name>-<version>.tgz), and the list of all images
// that what is rendered names. The index has the SHA-256 of each file. The same input gives the same bytes. Failure:
// opening checks every digest; a file that is missing, changed or not in the index is refused. Threading: plain values;
// an open bundle is only read.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/apply/operator_chart.h"
#include "core/port/filesystem.h"

namespace nautilus::bundle {

inline constexpr int kBundleFormat = 1;
inline constexpr std::uint64_t kMaxBundleBytes = 1u << 30;
inline constexpr std::string_view kRoot = "/.bundle";  // where a bundle's files appear in the file system over it

// An image reference and the objects that name it. The digest is "" if the reference carries none.
struct Image {
  std::string reference, digest;
  std::vector<std::string> used_by;  // "Deployment nautilus-trading/nautilus-backend", at most kMaxUsers
};
inline constexpr std::size_t kMaxUsers = 20;

struct CreateInput {
  std::string project;
  const env::Environment& env;
  const apply::Desired& desired;
  const std::vector<apply::DesiredOperator>& operators;
  // By the operator's name: the .tgz of charts that do not lie in the project.
  std::map<std::string, std::string> packages;
};

struct Created {
  std::string bytes, digest;
  Json index;
};

Result<Created> create(const port::Filesystem& files, const CreateInput& input);

// All images that the objects name, sorted.
std::vector<Image> images_of(const std::vector<const Json*>& objects);

// A file system with the bundle's files under kRoot and the real one everywhere else. Only reads of the bundle work.
class Bundle final : public port::Filesystem {
 public:
  static Result<std::unique_ptr<Bundle>> open(port::Filesystem& real, const std::string& file);

  const Json& index() const { return index_; }
  std::string environment() const;
  // The environment in it, its operators' packages pointing into the bundle.
  Result<env::Environment> load_environment() const;

  Result<std::string> read(const std::string& path, std::uint64_t max_bytes) const override;
  Result<> write(const std::string& path, std::string_view content, unsigned mode) override;
  Result<port::FileInfo> stat(const std::string& path) const override;
  Result<std::vector<std::string>> list(const std::string& path) const override;
  Result<> make_directories(const std::string& path) override;
  Result<> remove(const std::string& path) override;

 private:
  explicit Bundle(port::Filesystem& real) : real_(real) {}
  Result<> check();

  port::Filesystem& real_;
  std::map<std::string, std::string> files_;  // by their whole path
  Json index_;
};

}  // namespace nautilus::bundle
