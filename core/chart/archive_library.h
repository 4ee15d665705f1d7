// libarchive, loaded when the first packaged chart (.tgz) is read: it brings libxml2 and ICU along, which no other
// command needs. <archive.h> declares the functions; archive_library.cpp forwards those that are used.
#pragma once

#include "core/base/error.h"

namespace nautilus::chart::internal {

Result<> load_libarchive();

}  // namespace nautilus::chart::internal
