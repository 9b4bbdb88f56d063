// Products of two activations: the right one is packed at run time.
#include <limits>
#include <optional>

#include "ops/matmul.h"
#include "providers/cpu/kernels/pack.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {

namespace {

// a: […, M, K] · b: […, K, N], batch dims broadcast.
struct Products {
  int64_t m = 0, n = 0, k = 0;
  std::vector<std::pair<int64_t, int64_t>> offsets;  ///< of a and b for each product, in elements
};

std::optional<Products> products_of(const KernelRequest& r) {
  const auto& op = r.node().as<MatMul>();
  if (!r.is_static()) return std::nullopt;
  Dims a = r.input(0).shape.dims();
  Dims b = r.input(1).shape.dims();
  Dims y = r.output().shape.dims();
  if (a.size() < 2 || b.size() < 2 || r.output().shape.elements() == 0) return std::nullopt;
  Products p{.m = y[y.size() - 2],
             .n = y[y.size() - 1],
             .k = op.transpose_a ? a[a.size() - 2] : a[a.size() - 1],
             .offsets = {}};
  if (p.k == 0) return std::nullopt;
  for (Dims* d : {&a, &b, &y}) d->resize(d->size() - 2);
  const Dims a_strides = broadcast_strides(a, y);
  const Dims b_strides = broadcast_strides(b, y);
  Dims index(y.size());
  do {
    int64_t at_a = 0;
    int64_t at_b = 0;
    for (size_t i = 0; i < index.size(); ++i) {
      at_a += index[i] * a_strides[i];
      at_b += index[i] * b_strides[i];
    }
    p.offsets.emplace_back(at_a * p.m * p.k, at_b * p.k * p.n);
  } while (next_index(index, y));
  return p;
}

}  // namespace

// One product at a time per task.
std::unique_ptr<Step> make_matmul_f32(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<MatMul>();
  if (!is_f32(r.input(0)) || !is_f32(r.input(1)) || !is_f32(r.output())) return nullptr;
  auto products = products_of(r);
  if (!products) return nullptr;
  const int64_t m = products->m;
  const int64_t n = products->n;
  const int64_t k = products->k;
  std::vector<std::pair<int64_t, int64_t>> offsets = std::move(products->offsets);
  const GemmF32Variant& gemm = gemm_f32_of(table);
  const int64_t packed = align_64(packed_f32_size(gemm, k, n) * 4);
  const int64_t task_scratch = packed + (op.transpose_a ? align_64(m * k * 4) : 0);
  const int64_t batches = static_cast<int64_t>(offsets.size());
  const int64_t tasks = std::min(batches, tasks_for(batches * m * n * k / 16, r.threads));
  const bool transpose_a = op.transpose_a;
  const bool transpose_b = op.transpose_b;
  const KernelTable* kernels = &table;
  const GemmF32Variant* multiply = &gemm;
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
              pack_f32(*multiply, view, nullptr, panels);
            }
            const float* left = in<float>(c, 0) + at_a;
            if (transpose_a) {
              kernels->transpose_32(reinterpret_cast<const uint32_t*>(left), m, reinterpret_cast<uint32_t*>(rows), k, k,
                                    m);
              left = rows;
            }
            multiply->run({m, n, k, left, k, panels, out<float>(c) + i * m * n, n, {-inf, inf, nullptr, 0}});
          }
        });
      },
      tasks * task_scratch);
}

namespace {

/// What one task of a product of bytes needs, and how its numbers become bytes.
struct BytesProduct {
  const GemmS8Variant* gemm;
  int64_t m, n, k;
  bool a_unsigned, b_unsigned, transpose_b;
  int32_t a_zero, b_zero;  ///< b's as int8
  float scale;             ///< of a sum, in steps of the output
  EpilogueS8 epilogue;

  int64_t row_bytes() const { return gemm->row_bytes(k); }
  int64_t panels_bytes() const {
    return align_64(gemm->pack(*gemm, {.b = {nullptr, 0, 0, k, n}, .bias = nullptr, .scale = nullptr}, nullptr));
  }
  int64_t rows_bytes() const { return align_64(m * row_bytes()); }
  int64_t scratch_bytes() const {
    return panels_bytes() + rows_bytes() + align_64(m * 4) + 2 * align_64(n * 4) + align_64(k * n);
  }

  // Σ (a − za)(b − zb) = Σ a·b − za Σ b − zb Σ a + k za zb: the second and fourth terms are a bias of columns.
  void pack_right(const uint8_t* b, std::byte* panels, int32_t* bias, float* scales, int8_t* stored) const {
    const int64_t k_stride = transpose_b ? 1 : n;
    const int64_t n_stride = transpose_b ? k : 1;
    const uint8_t flip = b_unsigned ? 0x80 : 0;
    for (int64_t i = 0; i < k * n; ++i) stored[i] = static_cast<int8_t>(b[i] ^ flip);
    std::fill_n(bias, n, 0);
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < n; ++j) bias[j] += stored[i * k_stride + j * n_stride];
    }
    const int32_t zero = gemm->packed_zero_point(a_zero, a_unsigned);
    for (int64_t j = 0; j < n; ++j) {
      bias[j] = static_cast<int32_t>(k * zero * int64_t{b_zero} - int64_t{zero} * bias[j]);
    }
    std::fill_n(scales, n, scale);
    gemm->pack(*gemm, {.b = {stored, k_stride, n_stride, k, n}, .bias = bias, .scale = scales}, panels);
  }

  void run(const uint8_t* a, uint8_t* y, const std::byte* panels, std::byte* rows, int32_t* sums) const {
    const ConvShape shape{.in_w = m, .in_c = k, .out_w = m, .out_c = n};
    gemm->pack_rows({a, shape, k}, 0, m, rows, row_bytes(), a_unsigned, 0, sums);
    for (int64_t i = 0; i < m; ++i) sums[i] *= -b_zero;
    gemm->run({.m = m,
               .n = n,
               .k = k,
               .a = rows,
               .a_stride = row_bytes(),
               .b = panels,
               .row_add = sums,
               .c = y,
               .c_stride = n,
               .epilogue = epilogue,
               .raw = nullptr,
               .raw_stride = 0,
               .residual = {}});
  }
};

}  // namespace

std::unique_ptr<Step> make_matmul_bytes(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<MatMul>();
  if (!is_quantized_bytes(r.input(0)) || !is_quantized_bytes(r.input(1)) || !is_quantized_bytes(r.output()) ||
      op.transpose_a || wants_fixed_point(r)) {
    return nullptr;
  }
  auto products = products_of(r);
  if (!products) return nullptr;
  const QuantParams& a = *r.input(0).quant;
  const QuantParams& b = *r.input(1).quant;
  const TensorType& y = r.output();
  const int32_t zero = y.quant->zero_point();
  const float scale = static_cast<float>(double(a.scale()) * double(b.scale()) / double(y.quant->scale()));
  const BytesProduct p{.gemm = &run_time_gemm_s8_of(table),
                       .m = products->m,
                       .n = products->n,
                       .k = products->k,
                       .a_unsigned = is_unsigned_byte(r.input(0)),
                       .b_unsigned = is_unsigned_byte(r.input(1)),
                       .transpose_b = op.transpose_b,
                       .a_zero = a.zero_point(),
                       .b_zero = b.zero_point() - (is_unsigned_byte(r.input(1)) ? 128 : 0),
                       .scale = scale,
                       .epilogue = {.lo = static_cast<float>(min_of(y.dtype) - zero),
                                    .hi = static_cast<float>(max_of(y.dtype) - zero),
                                    .zero_point = zero,
                                    .fits = std::abs(scale) <= 0.5f}};
  const int64_t batches = static_cast<int64_t>(products->offsets.size());
  const int64_t tasks = std::min(batches, tasks_for(batches * p.m * p.n * p.k / 64, r.threads));
  return make_step(
      [p, batches, tasks, offsets = std::move(products->offsets)](RunContext& c) {
        for_tasks(*c.pool, batches, tasks, [&](int64_t task, int64_t from, int64_t to) {
          std::byte* panels = static_cast<std::byte*>(c.scratch) + task * p.scratch_bytes();
          std::byte* rows = panels + p.panels_bytes();
          std::byte* sums = rows + p.rows_bytes();
          std::byte* bias = sums + align_64(p.m * 4);
          std::byte* scales = bias + align_64(p.n * 4);
          std::byte* stored = scales + align_64(p.n * 4);
          for (int64_t i = from; i < to; ++i) {
            const auto [at_a, at_b] = offsets[static_cast<size_t>(i)];
            if (i == from || at_b != offsets[static_cast<size_t>(i - 1)].second) {
              p.pack_right(in<uint8_t>(c, 1) + at_b, panels, reinterpret_cast<int32_t*>(bias),
                           reinterpret_cast<float*>(scales), reinterpret_cast<int8_t*>(stored));
            }
            p.run(in<uint8_t>(c, 0) + at_a, out<uint8_t>(c) + i * p.m * p.n, panels, rows,
                  reinterpret_cast<int32_t*>(sums));
          }
        });
      },
      tasks * p.scratch_bytes());
}

}  // namespace hone::cpu
