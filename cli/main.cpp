#include <cstdio>

int main() {
  std::puts("nautilusctl " NAUTILUSCTL_VERSION);
  return 0;
}
