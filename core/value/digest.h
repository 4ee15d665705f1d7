// SHA-256 (FIPS 180-4) of bytes, as lower-case hexadecimal.
#pragma once

#include <string>
#include <string_view>

namespace nautilus::value {

std::string sha256_hex(std::string_view bytes);

}  // namespace nautilus::value
