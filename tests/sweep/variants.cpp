#include "sweep/variants.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "base/text.h"
#include "formats/onnx/attribute_list.h"
#include "formats/onnx/graph_writer.h"
#include "formats/onnx/proto.h"
#include "formats/onnx/tensor_io.h"

namespace hone::sweep {

namespace {

// Fields of ONNX's messages (onnx.proto).
constexpr uint32_t kNodeInput = 1, kModelGraph = 7;
constexpr uint32_t kGraphNode = 1, kGraphInitializer = 5, kGraphInput = 11, kGraphOutput = 12;

void copy_field(protozero::pbf_reader& from, protozero::pbf_writer& to) {
  const uint32_t tag = from.tag();
  switch (from.wire_type()) {
    case protozero::pbf_wire_type::varint:
      return to.add_uint64(tag, from.get_uint64());
    case protozero::pbf_wire_type::fixed64:
      return to.add_fixed64(tag, from.get_fixed64());
    case protozero::pbf_wire_type::fixed32:
      return to.add_fixed32(tag, from.get_fixed32());
    default:
      from.skip();
  }
}

/// Copies the fields of a message; `edit` sees those of a length and returns true for what it wrote itself.
template <class Edit>
std::string rewrite(std::string_view message, Edit&& edit) {
  std::string out;
  protozero::pbf_writer to(out);
  protozero::pbf_reader from(message.data(), message.size());
  while (from.next()) {
    if (from.wire_type() != protozero::pbf_wire_type::length_delimited) {
      copy_field(from, to);
      continue;
    }
    const uint32_t tag = from.tag();
    const auto view = from.get_view();
    if (!edit(tag, std::string_view(view.data(), view.size()), to)) to.add_bytes(tag, view.data(), view.size());
  }
  return out;
}

/// What is changed in a model.
struct Change {
  std::string name;
  size_t node = 0;
  std::optional<size_t> absent;            ///< an input of that node
  std::vector<TensorType> declared;        ///< of the graph inputs
  std::vector<Tensor> values;              ///< of the graph inputs; those that do not exist are fed nothing
  bool has_constants = false;              ///< all graph inputs but the first hold their values
  std::optional<TensorType> first_output;  ///< declared
  bool lies = false;
};

class Model {
 public:
  Model(std::string_view bytes, const std::vector<Tensor>& inputs) : bytes_(bytes) {
    const onnx::Decoder decoder(bytes);
    const onnx::ModelProto proto = decoder.model(bytes);
    if (proto.graph) graph_ = decoder.graph(*proto.graph);
    // An input that is no tensor stays as it is, and so does everything behind it.
    for (const onnx::ValueInfoProto& info : graph_.inputs) {
      const size_t i = own_.values.size();
      const auto dtype = onnx::dtype_of(info.elem_type);
      if (info.kind != onnx::ValueInfoProto::kTensor || !dtype || i >= inputs.size() || !inputs[i].exists()) break;
      own_.declared.push_back({*dtype, info.shape, nullptr});
      own_.values.push_back(inputs[i]);
    }
  }

  const onnx::GraphProto& graph() const { return graph_; }
  const Change& own() const { return own_; }

  Variant build(const Change& change) const {
    Variant variant{change.name, {}, {}, change.lies};
    variant.model = rewrite(bytes_, [&](uint32_t tag, std::string_view field, protozero::pbf_writer& to) {
      if (tag != kModelGraph) return false;
      to.add_message(kModelGraph, graph_with(field, change));
      return true;
    });
    for (size_t i = 0; i < change.values.size(); ++i)
      if (!is_constant(change, i)) variant.inputs.push_back(change.values[i]);
    return variant;
  }

 private:
  static bool is_constant(const Change& change, size_t i) {
    return change.has_constants && i > 0 && change.values[i].exists();
  }

  std::string graph_with(std::string_view graph, const Change& change) const {
    size_t node = 0, input = 0, output = 0;
    return rewrite(graph, [&](uint32_t tag, std::string_view field, protozero::pbf_writer& to) {
      if (tag == kGraphNode && change.absent && node++ == change.node) {
        to.add_message(kGraphNode, node_without(field, *change.absent));
        return true;
      }
      if (tag == kGraphInput && input < change.values.size()) {
        const size_t i = input++;
        if (is_constant(change, i))
          to.add_message(kGraphInitializer, onnx::encode_tensor(graph_.inputs[i].name, change.values[i]));
        else
          to.add_message(kGraphInput, onnx::encode_value_info(graph_.inputs[i].name, change.declared[i]));
        return true;
      }
      if (tag == kGraphOutput && change.first_output && output++ == 0) {
        to.add_message(kGraphOutput, onnx::encode_value_info(graph_.outputs[0].name, *change.first_output));
        return true;
      }
      return false;
    });
  }

  static std::string node_without(std::string_view node, size_t absent) {
    size_t input = 0;
    return rewrite(node, [&](uint32_t tag, std::string_view, protozero::pbf_writer& to) {
      if (tag != kNodeInput || input++ != absent) return false;
      to.add_string(kNodeInput, "");
      return true;
    });
  }

  std::string_view bytes_;
  onnx::GraphProto graph_;
  Change own_;
};

/// The elements of x over and over under other dims; zeros when it has none.
Tensor repeated(const Tensor& x, const Dims& dims) {
  Tensor y = Tensor::zeros(x.dtype(), dims);
  const auto width = static_cast<size_t>(size_of(x.dtype()));
  for (int64_t i = 0; i < y.elements() && x.elements() > 0; ++i)
    std::memcpy(static_cast<char*>(y.mutable_raw()) + static_cast<size_t>(i) * width,
                static_cast<const char*>(x.raw()) + static_cast<size_t>(i % x.elements()) * width, width);
  return y;
}

std::vector<Dims> shapes_near(const Dims& dims) {
  std::vector<Dims> shapes{{}, {0}, {1}, {2, 3}};
  auto add = [&](Dims shape) { shapes.push_back(std::move(shape)); };
  Dims more = dims;
  more.insert(more.begin(), 1);
  add(more);
  if (!dims.empty()) {
    add(Dims(dims.begin() + 1, dims.end()));
    add(Dims(dims.size(), 1));
    for (const int64_t first : {int64_t{0}, dims[0] + 1}) {
      Dims other = dims;
      other[0] = first;
      add(std::move(other));
    }
    Dims last = dims;
    last.back() += 1;
    add(std::move(last));
  }
  std::sort(shapes.begin(), shapes.end());
  shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
  std::erase(shapes, dims);
  return shapes;
}

class Sweep {
 public:
  Sweep(const Model& model, const std::function<void(const Variant&)>& visit) : model_(model), visit_(visit) {}

  void run() {
    emit(model_.own(), "as it is");
    constants(model_.own(), "as it is");
    absent_inputs();
    for (size_t i = 0; i < model_.own().values.size(); ++i) {
      dtypes(i);
      shapes(i);
    }
    lying_output();
  }

 private:
  void emit(Change change, std::string name) {
    change.name = std::move(name);
    visit_(model_.build(change));
  }
  void constants(Change change, const std::string& name) {
    if (change.values.size() < 2) return;
    change.has_constants = true;
    emit(std::move(change), cat(name, ", with constants"));
  }
  std::string input_name(size_t i) const { return std::string(model_.graph().inputs[i].name); }

  void absent_inputs() {
    for (size_t n = 0; n < model_.graph().nodes.size(); ++n)
      for (size_t i = 0; i < model_.graph().nodes[n].inputs.size(); ++i) {
        Change change = model_.own();
        change.node = n;
        change.absent = i;
        const std::string name = cat("input ", i, " of node ", n, " absent");
        emit(change, name);
        constants(std::move(change), name);
      }
  }

  void dtypes(size_t i) {
    for (int d = 0; d < kDTypeCount; ++d) {
      const auto dtype = static_cast<DType>(d);
      Change change = model_.own();
      if (dtype == change.values[i].dtype()) continue;
      change.declared[i].dtype = dtype;
      change.values[i] = cast(change.values[i], dtype);
      emit(std::move(change), cat(input_name(i), " as ", to_string(dtype)));
    }
  }

  void shapes(size_t i) {
    const Dims own = model_.own().values[i].dims();
    for (const Dims& dims : shapes_near(own)) {
      Change change = model_.own();
      change.lies = true;  // the outputs are declared as before
      change.declared[i].shape = Shape(dims);
      change.values[i] = repeated(change.values[i], dims);
      const std::string name = cat(input_name(i), " as ", dims);
      emit(change, name);
      constants(std::move(change), name);
    }
    Change vague = model_.own();
    vague.lies = true;
    vague.declared[i].shape = Shape::unranked();
    emit(vague, cat(input_name(i), " of unknown rank"));
    vague.declared[i].shape = Shape::unknown_of_rank(static_cast<int64_t>(own.size()));
    emit(vague, cat(input_name(i), " of unknown sizes"));
    if (own.empty()) return;
    Dims huge = own;
    huge[0] = int64_t{1} << 40;
    vague.declared[i].shape = Shape(huge);
    vague.values[i] = Tensor();
    emit(std::move(vague), cat(input_name(i), " as ", huge));
  }

  void lying_output() {
    if (model_.graph().outputs.empty()) return;
    const onnx::ValueInfoProto& info = model_.graph().outputs[0];
    const auto dtype = onnx::dtype_of(info.elem_type);
    if (info.kind != onnx::ValueInfoProto::kTensor || !dtype) return;
    for (const int64_t size : {1, 1000}) {
      Change change = model_.own();
      change.lies = true;
      change.first_output = {*dtype, Shape(Dims(info.shape.has_rank() ? info.shape.list().size() : 1, size)), nullptr};
      const std::string name = cat("output declared as ", change.first_output->shape);
      emit(change, name);
      constants(std::move(change), name);
    }
  }

  const Model& model_;
  const std::function<void(const Variant&)>& visit_;
};

}  // namespace

void for_each_variant(std::string_view bytes, const std::vector<Tensor>& inputs,
                      const std::function<void(const Variant&)>& visit) {
  const Model model(bytes, inputs);
  Sweep(model, visit).run();
}

}  // namespace hone::sweep
