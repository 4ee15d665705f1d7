// A gzipped tar archive as a flat list of files. Nothing is ever written to disk.
#include <archive.h>
#include <archive_entry.h>

#include "core/chart/archive_library.h"
#include "core/chart/load_internal.h"

namespace nautilus::chart::internal {
namespace {

struct CloseArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Handle = std::unique_ptr<archive, CloseArchive>;

std::string reason(archive* handle) {
  const char* text = archive_error_string(handle);
  return text ? text : "unknown error";
}

// The name inside the chart: without the leading directory, "." and ".." resolved as far as that is harmless.
Result<std::string> inner_name(const std::string& name) {
  const char separator = name.find('\\') != std::string::npos ? '\\' : '/';
  const auto first = name.find(separator);
  if (name.substr(0, first) == "Chart.yaml")
    return Error(Code::invalid, "Chart.yaml lies at the top of the archive, not in a directory named like the chart",
                 "package it with: helm package");
  std::string inner = first == std::string::npos ? "" : name.substr(first + 1);
  if (separator == '\\') std::replace(inner.begin(), inner.end(), '\\', '/');
  if (inner.starts_with('/')) return Error(Code::refused, fmt::format("absolute path in the archive: {:?}", name));
  std::vector<std::string_view> parts;
  for (std::string_view rest = inner; !rest.empty();) {
    const auto slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part == "..") {
      if (parts.empty()) return Error(Code::refused, fmt::format("path out of the chart in the archive: {:?}", name));
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (parts.empty()) return Error(Code::refused, fmt::format("file outside the chart in the archive: {:?}", name));
  std::string clean = fmt::format("{}", fmt::join(parts, "/"));
  const bool drive =
      clean.size() > 2 && clean[1] == ':' && clean[2] == '/' && ((clean[0] | 0x20) >= 'a' && (clean[0] | 0x20) <= 'z');
  if (drive) return Error(Code::refused, fmt::format("drive path in the archive: {:?}", name));
  return clean;
}

// Reads one entry. The size in its header is not believed: the data is counted as it comes.
Result<std::string> read_entry(archive* handle, const std::string& name, Budget& budget) {
  std::string data;
  char block[1 << 16];
  while (true) {
    const la_ssize_t count = archive_read_data(handle, block, sizeof block);
    if (count < 0) return Error(Code::invalid, fmt::format("{}: {}", name, reason(handle)));
    if (count == 0) break;
    data.append(block, static_cast<std::size_t>(count));
    if (data.size() > kMaxFileBytes || data.size() > budget.bytes) break;  // take() says which
  }
  TRY(budget.take(data.size(), name));
  return data;
}

}  // namespace

Result<Files> read_archive(std::string_view bytes, const std::string& what, Budget& budget) {
  if (!bytes.starts_with("\x1F\x8B"))
    return Error(Code::invalid, "not a gzipped archive", "name a chart directory or a packaged chart (.tgz)").at(what);
  TRY(load_libarchive());
  const Handle handle(archive_read_new());
  if (!handle) return Error(Code::internal, "no memory for an archive reader");
  archive_read_support_filter_gzip(handle.get());
  archive_read_support_format_tar(handle.get());
  if (archive_read_open_memory(handle.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
    return Error(Code::invalid, "not a gzipped tar archive: " + reason(handle.get())).at(what);
  Files files;
  while (true) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(handle.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) return Error(Code::invalid, "broken archive: " + reason(handle.get())).at(what);
    const char* raw_name = archive_entry_pathname(entry);
    if (!raw_name) return Error(Code::invalid, "an entry of the archive has no name").at(what);
    const std::string raw(raw_name);
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFDIR) continue;
    if (type != AE_IFREG || archive_entry_hardlink(entry))
      return Error(Code::refused, fmt::format("{:?} is a link or a device, not a file", raw),
                   "package the chart with its files, not with links to them")
          .at(what);
    auto name = inner_name(raw);
    if (!name.ok()) return std::move(name).error().at(what);
    auto data = read_entry(handle.get(), *name, budget);
    if (!data.ok()) return std::move(data).error().at(what);
    strip_byte_order_mark(*data);
    files.push_back({std::move(*name), std::move(*data)});
  }
  if (files.empty()) return Error(Code::invalid, "there are no files in the archive").at(what);
  return files;
}

}  // namespace nautilus::chart::internal
