#include "core/chart/archive_library.h"

#include <archive.h>
#include <archive_entry.h>

#include "core/base/lazy_library.h"

namespace nautilus::chart::internal {

static base::LazyLibrary libarchive("libarchive.so.13", "libarchive13");

Result<> load_libarchive() { return libarchive.load(); }

}  // namespace nautilus::chart::internal

#define FORWARD(result, name, parameters, arguments) \
  NAUTILUS_FORWARD(nautilus::chart::internal::libarchive, result, name, parameters, arguments)

extern "C" {
FORWARD(archive*, archive_read_new, (), ())
FORWARD(int, archive_read_free, (archive * handle), (handle))
FORWARD(int, archive_read_support_filter_gzip, (archive * handle), (handle))
FORWARD(int, archive_read_support_format_tar, (archive * handle), (handle))
FORWARD(int, archive_read_open_memory, (archive * handle, const void* bytes, size_t size), (handle, bytes, size))
FORWARD(int, archive_read_next_header, (archive * handle, archive_entry** entry), (handle, entry))
FORWARD(la_ssize_t, archive_read_data, (archive * handle, void* out, size_t size), (handle, out, size))
FORWARD(const char*, archive_error_string, (archive * handle), (handle))
FORWARD(__LA_MODE_T, archive_entry_filetype, (archive_entry * entry), (entry))
FORWARD(const char*, archive_entry_hardlink, (archive_entry * entry), (entry))
FORWARD(const char*, archive_entry_pathname, (archive_entry * entry), (entry))
}
