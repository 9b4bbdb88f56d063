#include <algorithm>
#include <map>

#include "ops/detect.h"
#include "ops/kernel.h"

namespace hone {
namespace {

constexpr std::string_view kOp = TfIdfVectorizer::kName;

/// Position of every n-gram of the pool in the result, for n from min_gram_length to max_gram_length.
using Grams = std::map<std::vector<int64_t>, size_t>;

int64_t width_of(const TfIdfVectorizer& op) {
  int64_t width = 0;
  for (int64_t i : op.ngram_indexes) {
    if (i < 0 || i > int64_t(1) << 31) throw op_error(kOp, cat("ngram_indexes contains ", i));
    width = std::max(width, i + 1);
  }
  return width;
}

/// The pool lists all 1-grams, then all 2-grams, …; ngram_counts says where each length begins.
Grams grams_of(const TfIdfVectorizer& op) {
  const int64_t size = static_cast<int64_t>(op.pool.size());
  Grams grams;
  size_t next = 0;
  for (size_t n = 1; n <= op.ngram_counts.size(); ++n) {
    const int64_t begin = op.ngram_counts[n - 1];
    const int64_t end = n < op.ngram_counts.size() ? op.ngram_counts[n] : size;
    if (begin < 0 || begin > end || end > size || (end - begin) % static_cast<int64_t>(n) != 0)
      throw op_error(kOp, cat("ngram_counts ", op.ngram_counts, " do not divide a pool of ", size));
    for (int64_t at = begin; at < end; at += static_cast<int64_t>(n), ++next) {
      if (next >= op.ngram_indexes.size()) throw op_error(kOp, "fewer ngram_indexes than n-grams");
      const bool is_wanted =
          static_cast<int64_t>(n) >= op.min_gram_length && static_cast<int64_t>(n) <= op.max_gram_length;
      if (is_wanted)
        grams.emplace(std::vector<int64_t>(op.pool.begin() + at, op.pool.begin() + at + static_cast<int64_t>(n)), next);
    }
  }
  return grams;
}

void infer(InferContext& ctx) {
  const TfIdfVectorizer& op = ctx.attrs<TfIdfVectorizer>();
  if (op.mode != "TF" && op.mode != "IDF" && op.mode != "TFIDF")
    throw op_error(kOp, cat("mode is '", op.mode, "', expected TF, IDF or TFIDF"));
  if (op.min_gram_length < 1 || op.max_gram_length < op.min_gram_length || op.max_skip_count < 0)
    throw op_error(kOp, cat("n-grams of ", op.min_gram_length, " to ", op.max_gram_length, " with up to ",
                            op.max_skip_count, " skips"));
  if (!op.weights.empty() && op.weights.size() != op.ngram_indexes.size())
    throw op_error(kOp, cat(op.weights.size(), " weights for ", op.ngram_indexes.size(), " n-grams"));
  grams_of(op);
  const Shape& x = ctx.shape(0);
  if (!x.has_rank()) return ctx.output(0, DType::kF32, Shape::unranked());
  if (x.rank() < 1 || x.rank() > 2) throw op_error(kOp, cat("x ", x, ", expected rank 1 or 2"));
  Shape out = x;
  out[x.rank() - 1] = width_of(op);
  ctx.output(0, DType::kF32, out);
}

/// Counts the pool's n-grams in one row; tokens of an n-gram stand skip + 1 apart. Single tokens know no skips.
void count(const TfIdfVectorizer& op, const Grams& grams, std::span<const int64_t> row, std::vector<int64_t>& counts) {
  const int64_t size = static_cast<int64_t>(row.size());
  for (int64_t n = op.min_gram_length; n <= std::min(op.max_gram_length, size); ++n)
    for (int64_t step = 1; step <= (n == 1 ? 1 : std::min(op.max_skip_count, size) + 1); ++step)
      for (int64_t begin = 0; begin + (n - 1) * step < size; ++begin) {
        std::vector<int64_t> gram;
        for (int64_t k = 0; k < n; ++k) gram.push_back(row[static_cast<size_t>(begin + k * step)]);
        const auto found = grams.find(gram);
        if (found != grams.end()) ++counts[found->second];
      }
}

void eval(EvalContext& ctx) {
  const TfIdfVectorizer& op = ctx.op<TfIdfVectorizer>();
  const Grams grams = grams_of(op);
  const std::vector<int64_t> tokens = to_ints(ctx.in(0));
  const int64_t width = width_of(op), rows = ctx.in(0).rank() == 2 ? ctx.in(0).dim(0) : 1;
  const size_t length = rows == 0 ? 0 : tokens.size() / static_cast<size_t>(rows);
  Tensor& y = ctx.outputs[0];
  y = Tensor::zeros(DType::kF32, ctx.output_types[0].shape.dims());
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<int64_t> counts(op.ngram_indexes.size());
    count(op, grams, std::span(tokens).subspan(static_cast<size_t>(r) * length, length), counts);
    float* out = y.mutable_data<float>().data() + r * width;
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      const float weight = op.weights.empty() ? 1.0f : op.weights[i];
      out[op.ngram_indexes[i]] = op.mode == "TF"    ? static_cast<float>(counts[i])
                                 : op.mode == "IDF" ? weight
                                                    : static_cast<float>(counts[i]) * weight;
    }
  }
}

constexpr InputRule kTfIdfVectorizerInputs[] = {{.name = "x", .dtypes = Indices::kSet}};

}  // namespace

constinit const OpDef TfIdfVectorizer::def{.name = TfIdfVectorizer::kName,
                                           .attrs = &attr_type<TfIdfVectorizer>(),
                                           .infer = infer,
                                           .eval = eval,
                                           .inputs = kTfIdfVectorizerInputs};

}  // namespace hone
