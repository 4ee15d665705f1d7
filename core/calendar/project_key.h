// The public half of the key that signs manifests/calendars. The private half is in no repository.
#pragma once

namespace nautilus::calendar {

inline constexpr const char* kProjectKeyPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAXyDmO9asfChlr/i6+UYQ4Zw23dBj0ZBe0hZjaRzmZkg=\n"
    "-----END PUBLIC KEY-----\n";

}  // namespace nautilus::calendar
