#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/recurrent.h"

namespace hone::onnx {

namespace {

template <class Op>
void read_recurrent(NodeReader& r) {
  Op op;
  read_fields(r, attr_type<Op>(), &op);
  op.batch_first = r.attr_bool("layout", false);
  // Older exporters write the output sizes into an attribute; nothing else depends on it.
  size_t wanted = 1;
  for (size_t i = 1; i < r.output_count(); ++i) wanted = r.wants(i) ? i + 1 : wanted;
  const auto outputs = r.emit_many(std::move(op), r.inputs(), wanted);
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

/// ONNX Runtime takes the time axis first only: what has the batch first is turned around the operator.
void write_batch_first(NodeWriter& w, std::string_view name, const AttributeList& attributes) {
  constexpr size_t kFirstState = 5, kLastState = 6;
  std::vector<std::string> inputs, outputs, turned;
  for (size_t i = 0; i < w.input_count(); ++i) {
    const bool is_turned = w.has(i) && (i == 0 || (i >= kFirstState && i <= kLastState));
    inputs.push_back(is_turned ? w.transposed_in(i, {1, 0, 2}) : w.plain_in(i));
  }
  for (size_t i = 0; i < w.output_count(); ++i) outputs.push_back(w.temp("time_first"));
  w.emit(name, std::move(inputs), outputs, attributes);
  for (size_t i = 0; i < w.output_count(); ++i) {
    const std::vector<int64_t> perm = i == 0 ? std::vector<int64_t>{2, 0, 1, 3} : std::vector<int64_t>{1, 0, 2};
    w.emit("Transpose", {outputs[i]}, {w.plain_out(i)}, AttributeList().add("perm", perm));
  }
}

template <class Op>
void write_recurrent(NodeWriter& w, std::string_view name) {
  const Op& op = w.op<Op>();
  AttributeList attributes;
  attributes.add("hidden_size", op.hidden_size);
  attributes.add("direction", kDirectionNames[static_cast<int>(op.direction)]);
  if (!op.activations.empty()) attributes.add("activations", op.activations);
  if (!op.activation_alpha.empty()) attributes.add("activation_alpha", std::span<const float>(op.activation_alpha));
  if (!op.activation_beta.empty()) attributes.add("activation_beta", std::span<const float>(op.activation_beta));
  if (op.clip != 0) attributes.add("clip", op.clip);
  if constexpr (requires { op.linear_before_reset; }) attributes.add("linear_before_reset", op.linear_before_reset);
  if constexpr (requires { op.input_forget; }) attributes.add("input_forget", op.input_forget);
  if (!op.batch_first) return w.emit(name, w.all_in(), w.all_out(), attributes);
  write_batch_first(w, name, attributes);
}

constexpr Row kRows[] = {
    {"RNN", 1, kNewestOpset, read_recurrent<Rnn>, &Rnn::def, [](NodeWriter& w) { write_recurrent<Rnn>(w, "RNN"); }},
    {"GRU", 1, kNewestOpset, read_recurrent<Gru>, &Gru::def, [](NodeWriter& w) { write_recurrent<Gru>(w, "GRU"); }},
    {"LSTM", 1, kNewestOpset, read_recurrent<Lstm>, &Lstm::def,
     [](NodeWriter& w) { write_recurrent<Lstm>(w, "LSTM"); }},
};

}  // namespace

std::span<const Row> recurrent_rows() { return kRows; }

}  // namespace hone::onnx
