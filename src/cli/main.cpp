#include <malloc.h>

#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "base/limits.h"
#include "cli/command.h"
#include "cli/console.h"

// A sanitizer brings its own allocator.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// Every large allocation of the program, whoever makes it, is checked against the free memory before it is touched: the
// kernel's way to say no is to kill.
void* operator new(std::size_t size) {
  constexpr std::size_t kLarge = 1 << 16;
  if (size >= kLarge && !hone::has_memory_for(static_cast<int64_t>(size))) throw std::bad_alloc();
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif

int main(int argc, char** argv) {
  hone::catch_interrupts();
  // Graphs are many small blocks between few large vectors: glibc's lists of small free blocks are joined and cut anew
  // at each of those.
  ::mallopt(M_MXFAST, 0);
  const std::vector<std::string> arguments(argv + (argc > 0), argv + argc);
  return hone::run_cli(argc > 0 ? argv[0] : "", arguments);
}
