// A journal's directory on a real filesystem.
//
// Files are opened relative to the directory's descriptor, close-on-exec, mode 0640. append() writes at the file's
// known end (pwrite), so a partial write never leaves a hole; sync() is fdatasync. lock() is flock on `.lock`: the
// kernel releases it when the process dies. settle() is fdatasync, then posix_fadvise(DONTNEED), so that what is read
// next comes from the disk. Threading: as Storage; one file, one thread. Source followed: fsync(2), open(2),
// fallocate(2).
#pragma once

#include "engine/journal/storage.h"

namespace nautilus::engine {

// Makes the directory (not its parents, mode 0750) if it is not there. Code::io with path and the system's words.
Result<std::unique_ptr<Storage>> open_posix_storage(const std::string& directory);

}  // namespace nautilus::engine
