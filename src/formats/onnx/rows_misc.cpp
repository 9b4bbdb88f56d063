#include "formats/onnx/rows.h"
#include "ops/detect.h"
#include "ops/movement.h"
#include "ops/signal.h"

namespace hone::onnx {

namespace {

void read_non_max_suppression(NodeReader& r) {
  r.output(0, r.emit(NonMaxSuppression{.center_point_box = r.attr_bool("center_point_box", false)}, r.inputs()));
}

void read_tf_idf(NodeReader& r) {
  if (r.has_attr("pool_strings")) throw unsupported("onnx: TfIdfVectorizer of strings");
  TfIdfVectorizer op;
  read_fields(r, attr_type<TfIdfVectorizer>(), &op);
  op.pool = r.attr_ints("pool_int64s");
  r.output(0, r.emit(std::move(op), {r.in(0)}));
}

void write_tf_idf(NodeWriter& w) {
  const auto& op = w.op<TfIdfVectorizer>();
  AttributeList attributes;
  attributes.add("mode", op.mode).add("min_gram_length", op.min_gram_length).add("max_gram_length", op.max_gram_length);
  attributes.add("max_skip_count", op.max_skip_count).add("ngram_counts", op.ngram_counts);
  attributes.add("ngram_indexes", op.ngram_indexes).add("pool_int64s", op.pool);
  if (!op.weights.empty()) attributes.add("weights", std::span<const float>(op.weights));
  w.emit("TfIdfVectorizer", w.all_in(), {w.plain_out()}, attributes);
}

/// The axis is an attribute in operator set 17 and an input since 20.
void read_dft(NodeReader& r) {
  Dft op{.axis = r.attr_int("axis", r.opset() >= 20 ? -2 : 1),
         .inverse = r.attr_bool("inverse", false),
         .onesided = r.attr_bool("onesided", false)};
  if (r.has(2)) op.axis = r.constant_int(2);
  r.output(0, r.emit(op, {r.in(0), r.maybe(1)}));
}

void write_dft(NodeWriter& w) {
  const Dft& op = w.op<Dft>();
  AttributeList attributes;
  attributes.add("inverse", op.inverse).add("onesided", op.onesided);
  std::vector<std::string> inputs{w.plain_in(0), w.has(1) ? w.plain_in(1) : ""};
  if (w.opset() < 20)
    attributes.add("axis", op.axis);
  else
    inputs.push_back(w.constant(Tensor::scalar<int64_t>(op.axis), "axis"));
  w.emit("DFT", std::move(inputs), {w.plain_out()}, attributes);
}

template <class Op>
void read_generated(NodeReader& r) {
  Op op;
  if constexpr (requires { op.periodic; }) op.periodic = r.attr_bool("periodic", true);
  op.dtype = r.attr_dtype("output_datatype", DType::kF32);
  r.output(0, r.emit(op, r.inputs()));
}

template <class Op>
void write_generated(NodeWriter& w) {
  const Op& op = w.op<Op>();
  AttributeList attributes;
  if constexpr (requires { op.periodic; }) attributes.add("periodic", op.periodic);
  attributes.add("output_datatype", op.dtype);
  w.emit(w.op_name(), w.all_in(), {w.plain_out()}, attributes);
}

template <class Op>
constexpr Row generated(std::string_view op) {
  return {op, 1, kNewestOpset, read_generated<Op>, &Op::def, write_generated<Op>};
}

/// A signal without an axis for real and imaginary part is real; exporters leave it out, ONNX Runtime takes both.
void read_stft(NodeReader& r) {
  ValueId signal = r.in(0);
  if (r.has_rank(signal) && r.rank(signal) == 2) signal = r.emit(Unsqueeze{}, {signal, r.ints({2})});
  r.output(0, r.emit(Stft{.onesided = r.attr_bool("onesided", true)}, {signal, r.in(1), r.maybe(2), r.maybe(3)}));
}

constexpr Row kRows[] = {
    {"NonMaxSuppression", 1, kNewestOpset, read_non_max_suppression, &NonMaxSuppression::def, write_same},
    {"TfIdfVectorizer", 1, kNewestOpset, read_tf_idf, &TfIdfVectorizer::def, write_tf_idf},
    {"DFT", 1, kNewestOpset, read_dft, &Dft::def, write_dft},
    {"STFT", 1, kNewestOpset, read_stft, &Stft::def, write_same},
    generated<HannWindow>("HannWindow"),
    generated<HammingWindow>("HammingWindow"),
    generated<BlackmanWindow>("BlackmanWindow"),
    generated<MelWeightMatrix>("MelWeightMatrix"),
};

}  // namespace

std::span<const Row> misc_rows() { return kRows; }

}  // namespace hone::onnx
