// Base64 of RFC 4648, standard alphabet with padding; the data of Secrets is in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nautilus::value {

std::string encode_base64(std::string_view bytes);
// nullopt if it is not base64. Line breaks are skipped, other blanks are not, as Go does.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace nautilus::value
