// Random bytes: the operating system's in core/host, a seeded generator in core/sim.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace nautilus::port {

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<std::byte> out) = 0;
};

// `length` characters of [A-Za-z0-9], each equally likely.
std::string random_alphanumeric(Entropy& entropy, std::size_t length);

}  // namespace nautilus::port
