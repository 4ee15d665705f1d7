// libcurl, loaded at the first connection. <curl/curl.h> declares the functions; curl_library.cpp forwards them.
#pragma once

#include "core/base/error.h"

namespace nautilus::host {

Result<> load_curl();

}  // namespace nautilus::host
