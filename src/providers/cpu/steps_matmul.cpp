// Products of two activations: the right one is packed at run time.
#include <limits>

#include "ops/matmul.h"
#include "providers/cpu/kernels/pack.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {

// a: […, M, K] · b: […, K, N], batch dims broadcast. One batch at a time per task.
std::unique_ptr<Step> make_matmul_f32(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<MatMul>();
  if (!r.is_static() || !is_f32(r.input(0)) || !is_f32(r.input(1)) || !is_f32(r.output())) return nullptr;
  Dims a = r.input(0).shape.dims();
  Dims b = r.input(1).shape.dims();
  Dims y = r.output().shape.dims();
  if (a.size() < 2 || b.size() < 2 || r.output().shape.elements() == 0) return nullptr;
  const int64_t m = y[y.size() - 2];
  const int64_t n = y[y.size() - 1];
  const int64_t k = op.transpose_a ? a[a.size() - 2] : a[a.size() - 1];
  if (k == 0) return nullptr;
  for (Dims* d : {&a, &b, &y}) d->resize(d->size() - 2);
  const Dims a_strides = broadcast_strides(a, y);
  const Dims b_strides = broadcast_strides(b, y);
  std::vector<std::pair<int64_t, int64_t>> offsets;  // of a and b, in matrices
  Dims index(y.size());
  do {
    int64_t at_a = 0;
    int64_t at_b = 0;
    for (size_t i = 0; i < index.size(); ++i) {
      at_a += index[i] * a_strides[i];
      at_b += index[i] * b_strides[i];
    }
    offsets.emplace_back(at_a * m * k, at_b * k * n);
  } while (next_index(index, y));
  const int64_t packed = align_64(packed_f32_size(table, k, n) * 4);
  const int64_t task_scratch = packed + (op.transpose_a ? align_64(m * k * 4) : 0);
  const int64_t batches = static_cast<int64_t>(offsets.size());
  const int64_t tasks = std::min(batches, tasks_for(batches * m * n * k / 16, r.threads));
  const bool transpose_a = op.transpose_a;
  const bool transpose_b = op.transpose_b;
  const KernelTable* kernels = &table;
  return make_step(
      [=, offsets = std::move(offsets)](RunContext& c) {
        const float inf = std::numeric_limits<float>::infinity();
        for_tasks(*c.pool, batches, tasks, [&](int64_t task, int64_t from, int64_t to) {
          auto* scratch = static_cast<std::byte*>(c.scratch) + task * task_scratch;
          auto* panels = reinterpret_cast<float*>(scratch);
          auto* rows = reinterpret_cast<float*>(scratch + packed);
          for (int64_t i = from; i < to; ++i) {
            const auto [at_a, at_b] = offsets[static_cast<size_t>(i)];
            const MatrixView<float> view{in<float>(c, 1) + at_b, transpose_b ? 1 : n, transpose_b ? k : 1, k, n};
            // Consecutive batches often share b.
            if (i == from || at_b != offsets[static_cast<size_t>(i - 1)].second) {
              pack_f32(*kernels, view, nullptr, panels);
            }
            const float* left = in<float>(c, 0) + at_a;
            if (transpose_a) {
              kernels->transpose_32(reinterpret_cast<const uint32_t*>(left), m, reinterpret_cast<uint32_t*>(rows), k, k,
                                    m);
              left = rows;
            }
            kernels->gemm_f32({m, n, k, left, k, panels, out<float>(c) + i * m * n, n, {-inf, inf, nullptr, 0}});
          }
        });
      },
      tasks * task_scratch);
}

}  // namespace hone::cpu
