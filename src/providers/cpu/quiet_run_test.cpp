// A run that was made once before asks nothing of the system.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/unary.h"
#include "providers/cpu/compare_test.h"

namespace {
std::atomic<int64_t> allocations{0};

void* counted(void* p) {
  ++allocations;
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

// The pair is replaced as a whole: what new takes from malloc, delete gives to free.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

void* operator new(size_t n) { return counted(std::malloc(n == 0 ? 1 : n)); }
void* operator new(size_t n, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(n == 0 ? 1 : n);
}
void* operator new(size_t n, std::align_val_t align) {
  const auto a = static_cast<size_t>(align);
  return counted(std::aligned_alloc(a, (n + a - 1) / a * a));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }

namespace hone::cpu {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// A stem, a Winograd layer with its sum, an expand–depthwise–project block, a gate, pools, a Concat, a classifier.
Graph small_network(Random& random) {
  Graph g;
  const auto conv = [&](ValueId x, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t groups) {
    const Conv op{.strides = {stride, stride}, .pads = Dims(4, kernel / 2), .groups = groups, .act_min = 0};
    return g.add(
        op, {x, g.add_constant(random.f32({out, kernel, kernel, in / groups})), g.add_constant(random.f32({out}))});
  };
  const ValueId stem = conv(g.add_input("x", {DType::kF32, {1, 48, 48, 3}}), 3, 16, 3, 2, 1);
  const ValueId sum = g.add(Add{}, {conv(stem, 16, 16, 3, 1, 1), stem});
  const ValueId block = conv(conv(conv(sum, 16, 40, 1, 1, 1), 40, 40, 3, 2, 40), 40, 24, 1, 1, 1);
  const ValueId gated = g.add(Mul{}, {block, g.add(Sigmoid{}, {block})});
  const ValueId both = g.add(Concat{.axis = 3}, {gated, block});
  const ValueId mean = g.add(ReduceMean{.keepdims = false}, {both, g.add_constant(Tensor::of<int64_t>({2}, {1, 2}))});
  const ValueId scores = g.add(FullyConnected{}, {mean, g.add_constant(random.f32({10, 48}))});
  g.set_outputs({g.add(Softmax{}, {scores})});
  return g;
}

TEST(QuietRun, AllocatesNothing) {
  Random random;
  const Graph g = small_network(random);
  const Provider* providers[] = {&cpu_provider()};
  for (int threads : {1, 2}) {
    Session session(Plan::compile(g, providers, {.threads = threads}));
    const std::vector<Tensor> inputs = {random.f32({1, 48, 48, 3})};
    for (int i = 0; i < 2; ++i) session.run(inputs);
    const int64_t before = allocations.load();
    session.run(inputs);
    EXPECT_EQ(allocations.load(), before) << threads << " threads";
  }
}

TEST(QuietRun, MakesNoSystemCall) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers make their own";
#endif
  Random random;
  const Graph g = small_network(random);
  const Provider* providers[] = {&cpu_provider()};
  Session session(Plan::compile(g, providers));
  const std::vector<Tensor> inputs = {random.f32({1, 48, 48, 3})};
  for (int i = 0; i < 2; ++i) session.run(inputs);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // From here on any call but the one that ends the process kills it.
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const sock_fprog program{4, filter};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      ::_exit(2);
    session.run(inputs);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) GTEST_SKIP() << "this system has no filters of system calls";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "ended by signal " << WTERMSIG(status);
}

}  // namespace
}  // namespace hone::cpu
