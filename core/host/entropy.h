// Random bytes of the operating system: getrandom(2).
#pragma once

#include "core/port/entropy.h"

namespace nautilus::host {

class OsEntropy final : public port::Entropy {
 public:
  void fill(std::span<std::byte> out) override;
};

}  // namespace nautilus::host
