#include <algorithm>
#include <array>
#include <cctype>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/matmul.h"

namespace hone {
namespace {

/// Labels: 0–25 a–z, 26–51 A–Z, kEllipsis + i the i-th axis from the right under an ellipsis.
constexpr int kEllipsis = 52, kMaxEllipsis = 32, kLabels = kEllipsis + kMaxEllipsis;

struct Equation {
  std::vector<std::vector<int>> operands;  ///< label of each axis
  std::vector<int> output;
};

int label_of(char c) { return c >= 'a' && c <= 'z' ? c - 'a' : c >= 'A' && c <= 'Z' ? c - 'A' + 26 : -1; }

/// Labels of one term. `rank` < 0: the result's term, whose ellipsis covers `ellipsis` axes.
std::vector<int> parse_term(std::string_view term, int64_t rank, int64_t& ellipsis) {
  std::vector<int> labels;
  const int64_t letters = std::count_if(term.begin(), term.end(), [](char c) { return label_of(c) >= 0; });
  const size_t dots = term.find("...");
  int64_t covered = 0;
  if (dots != std::string_view::npos) {
    covered = rank < 0 ? ellipsis : rank - letters;
    if (covered < 0 || covered > kMaxEllipsis)
      throw invalid_model(cat("einsum: term '", term, "' has ", letters, " labels, its operand ", rank, " axes"));
    if (rank >= 0) ellipsis = std::max(ellipsis, covered);
  } else if (rank >= 0 && letters != rank) {
    throw invalid_model(cat("einsum: term '", term, "' has ", letters, " labels, its operand ", rank, " axes"));
  }
  for (size_t i = 0; i < term.size(); ++i) {
    if (i == dots) {
      for (int64_t k = covered; k-- > 0;) labels.push_back(kEllipsis + static_cast<int>(k));
      i += 2;
    } else if (label_of(term[i]) >= 0) {
      labels.push_back(label_of(term[i]));
    } else {
      throw invalid_model(cat("einsum: unexpected '", term[i], "' in term '", term, "'"));
    }
  }
  return labels;
}

/// NumPy's implicit result: the ellipsis, then every label that occurs once, in alphabetical order (capitals first).
std::vector<int> implicit_output(const std::vector<std::vector<int>>& operands, int64_t ellipsis) {
  std::array<int, kLabels> count{};
  for (const auto& operand : operands)
    for (int label : operand) ++count[static_cast<size_t>(label)];
  std::vector<int> out;
  for (int64_t k = ellipsis; k-- > 0;) out.push_back(kEllipsis + static_cast<int>(k));
  for (int i = 0; i < kEllipsis; ++i) {
    const int label = (i + 26) % kEllipsis;
    if (count[static_cast<size_t>(label)] == 1) out.push_back(label);
  }
  return out;
}

Equation parse(const std::string& equation, std::span<const int64_t> ranks) {
  std::string text;
  for (char c : equation)
    if (!std::isspace(static_cast<unsigned char>(c))) text.push_back(c);
  const size_t arrow = text.find("->");
  const std::vector<std::string> terms = split(text.substr(0, arrow), ',');
  if (terms.size() != ranks.size())
    throw invalid_model(cat("einsum: equation '", equation, "' has ", terms.size(), " terms, expected ", ranks.size(),
                            " (one for each input)"));
  Equation out;
  int64_t ellipsis = 0;
  for (size_t i = 0; i < terms.size(); ++i) out.operands.push_back(parse_term(terms[i], ranks[i], ellipsis));
  out.output = arrow == std::string::npos ? implicit_output(out.operands, ellipsis)
                                          : parse_term(std::string_view(text).substr(arrow + 2), -1, ellipsis);
  std::array<bool, kLabels> known{}, used{};
  for (const auto& operand : out.operands)
    for (int label : operand) known[static_cast<size_t>(label)] = true;
  for (int label : out.output) {
    const size_t l = static_cast<size_t>(label);
    if (!known[l] || used[l])
      throw invalid_model(cat("einsum: result of '", equation, "' has a label ", known[l] ? "twice" : "of no input"));
    used[l] = true;
  }
  return out;
}

/// Size of every label; a size of 1 gives way to others. Throws when two inputs disagree.
std::array<Dim, kLabels> label_dims(const Equation& equation, std::span<const Shape> shapes) {
  std::array<Dim, kLabels> dims;
  std::array<bool, kLabels> seen{};
  for (size_t i = 0; i < shapes.size(); ++i)
    for (size_t axis = 0; axis < equation.operands[i].size(); ++axis) {
      const size_t l = static_cast<size_t>(equation.operands[i][axis]);
      const Dim& d = shapes[i][static_cast<int64_t>(axis)];
      if (!seen[l] || dims[l] == Dim(1)) {
        dims[l] = d;
      } else if (d.is_known() && d.value() != 1) {
        if (dims[l].is_known() && dims[l].value() != d.value())
          throw invalid_model(cat("einsum: one label has sizes ", dims[l].value(), " and ", d.value()));
        dims[l] = d;
      }
      seen[l] = true;
    }
  return dims;
}

void infer(InferContext& ctx) {
  const std::string& equation = ctx.attrs<Einsum>().equation;
  DType dtype = ctx.dtype(0);
  std::vector<Shape> shapes;
  std::vector<int64_t> ranks;
  bool has_ranks = true;
  for (size_t i = 0; i < ctx.input_count(); ++i) {
    if (ctx.dtype(i) != dtype)
      throw invalid_model(cat("einsum: dtypes ", to_string(dtype), " and ", to_string(ctx.dtype(i)), " differ"));
    has_ranks &= ctx.shape(i).has_rank();
    shapes.push_back(ctx.shape(i));
    ranks.push_back(ctx.shape(i).has_rank() ? ctx.shape(i).rank() : 0);
  }
  if (!has_ranks) return ctx.output(0, dtype, Shape::unranked());
  const Equation parsed = parse(equation, ranks);
  const auto dims = label_dims(parsed, shapes);
  Shape out;
  for (int label : parsed.output) out.list().push_back(dims[static_cast<size_t>(label)]);
  ctx.output(0, dtype, out);
}

/// Strides of an operand along `labels`; a repeated label walks the diagonal, an axis of size 1 stands still.
Dims strides_along(const std::vector<int>& labels, const std::vector<int>& operand, const Dims& dims) {
  const Dims own = strides_of(dims);
  Dims out(labels.size(), 0);
  for (size_t i = 0; i < labels.size(); ++i)
    for (size_t axis = 0; axis < operand.size(); ++axis)
      if (operand[axis] == labels[i] && dims[axis] != 1) out[i] += own[axis];
  return out;
}

struct Loops {
  std::vector<int> labels;  ///< the result's, then the summed ones
  Dims dims;
  size_t outer = 0;  ///< how many belong to the result
  std::vector<Dims> strides;
};

Loops loops_of(const Equation& equation, std::span<const Tensor> inputs) {
  std::vector<Shape> shapes;
  for (const Tensor& x : inputs) shapes.push_back(Shape(x.dims()));
  const auto sizes = label_dims(equation, shapes);
  Loops loops{.labels = equation.output, .dims = {}, .outer = equation.output.size(), .strides = {}};
  for (const auto& operand : equation.operands)
    for (int label : operand)
      if (std::find(loops.labels.begin(), loops.labels.end(), label) == loops.labels.end())
        loops.labels.push_back(label);
  for (int label : loops.labels) loops.dims.push_back(sizes[static_cast<size_t>(label)].value());
  for (size_t i = 0; i < inputs.size(); ++i)
    loops.strides.push_back(strides_along(loops.labels, equation.operands[i], inputs[i].dims()));
  return loops;
}

template <class T>
void sum_products(const Loops& loops, const std::vector<std::vector<T>>& inputs, std::vector<T>& out) {
  const Dims outer(loops.dims.begin(), loops.dims.begin() + static_cast<int64_t>(loops.outer));
  const Dims inner(loops.dims.begin() + static_cast<int64_t>(loops.outer), loops.dims.end());
  const bool has_terms = checked_product(inner) > 0;
  if (out.empty()) return;
  Dims at(outer.size(), 0);
  size_t position = 0;
  do {
    T sum = 0;
    Dims in(inner.size(), 0);
    if (has_terms) do {
        T product = 1;
        for (size_t i = 0; i < inputs.size(); ++i) {
          int64_t offset = 0;
          for (size_t k = 0; k < at.size(); ++k) offset += at[k] * loops.strides[i][k];
          for (size_t k = 0; k < in.size(); ++k) offset += in[k] * loops.strides[i][loops.outer + k];
          product *= inputs[i][static_cast<size_t>(offset)];
        }
        sum += product;
      } while (next_index(in, inner));
    out[position++] = sum;
  } while (next_index(at, outer));
}

void eval(EvalContext& ctx) {
  std::vector<int64_t> ranks;
  for (const Tensor& x : ctx.inputs) ranks.push_back(x.rank());
  const Equation equation = parse(ctx.op<Einsum>().equation, ranks);
  const Loops loops = loops_of(equation, ctx.inputs);
  Tensor& y = ctx.make_output(0);
  dispatch_sum("einsum", y.dtype(), [&]<class T>(std::type_identity<T>) {
    std::vector<std::vector<T>> inputs;
    for (const Tensor& x : ctx.inputs) inputs.push_back(elements_as<T>(x));
    std::vector<T> sums(static_cast<size_t>(y.elements()));
    sum_products(loops, inputs, sums);
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    store_sums<T>(sums, {}, -kInfinity, kInfinity, y);
  });
}

int64_t macs(const Attrs& attrs, std::span<const TensorType* const> in, std::span<const TensorType* const>) {
  std::vector<Shape> shapes;
  std::vector<int64_t> ranks;
  for (const TensorType* type : in) {
    shapes.push_back(type->shape);
    ranks.push_back(type->shape.rank());
  }
  const Equation equation = parse(attrs.as<Einsum>().equation, ranks);
  std::array<bool, kLabels> seen{};
  int64_t product = 1;
  const auto dims = label_dims(equation, shapes);
  for (const auto& operand : equation.operands)
    for (int label : operand) {
      const size_t l = static_cast<size_t>(label);
      if (!seen[l]) product = checked_mul(product, dims[l].value());
      seen[l] = true;
    }
  return product;
}

}  // namespace

constinit const OpDef Einsum::def{.name = Einsum::kName,
                                  .attrs = &attr_type<Einsum>(),
                                  .min_inputs = 1,
                                  .max_inputs = -1,
                                  .infer = infer,
                                  .eval = widened<eval>,
                                  .macs = macs};

}  // namespace hone
