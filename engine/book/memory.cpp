#include "engine/book/memory.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstdlib>

namespace nautilus::engine {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kWorthOne = kHugePage / 4;  // smaller arrays stay in ordinary pages

}  // namespace

void* allocate_zeroed(std::size_t bytes) {
  const std::size_t alignment = bytes >= kWorthOne ? kHugePage : 64;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded ? rounded : alignment);
  if (!memory) std::abort();
#ifdef __linux__
  // Advice only: where huge pages are switched off, small ones do.
  if (rounded >= kHugePage) (void)::madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  std::memset(memory, 0, rounded ? rounded : alignment);
  return memory;
}

void release(void* memory) noexcept { std::free(memory); }

}  // namespace nautilus::engine
