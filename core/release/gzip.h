// gzip (RFC 1952) and base64 (RFC 4648), for the records of the history.
#pragma once

#include <string>

#include "core/base/error.h"

namespace nautilus::release {

std::string gzip(std::string_view plain);
// Code::limit if it would unpack to more than max_bytes, Code::invalid if it is damaged.
Result<std::string> gunzip(std::string_view packed, std::size_t max_bytes);

std::string base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

}  // namespace nautilus::release
