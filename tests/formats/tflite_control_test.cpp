#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "formats/tflite_case.h"
#include "formats/tflite_models.h"
#include "ir/text.h"
#include "ops/binary.h"
#include "ops/interpreter.h"
#include "ops/unary.h"

namespace hone {
namespace {

using B = fb::BuiltinOperator;

/// Models of several operators and subgraphs, put together table by table.
class ModelBuilder {
 public:
  ModelBuilder() {
    model_.version = 3;
    model_.buffers.push_back(std::make_unique<fb::BufferT>());
  }
  /// Begins the next subgraph.
  void subgraph() { model_.subgraphs.push_back(std::make_unique<fb::SubGraphT>()); }
  int32_t tensor(fb::TensorType type, std::vector<int32_t> shape = {}) {
    auto t = std::make_unique<fb::TensorT>();
    t->type = type;
    t->shape = std::move(shape);
    t->name = "t" + std::to_string(graph().tensors.size());
    graph().tensors.push_back(std::move(t));
    return static_cast<int32_t>(graph().tensors.size() - 1);
  }
  int32_t constant(float value) { return constant({}, {value}); }
  int32_t constant(std::vector<int32_t> shape, std::vector<float> values) {
    const int32_t index = tensor(fb::TensorType::FLOAT32, std::move(shape));
    auto buffer = std::make_unique<fb::BufferT>();
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    buffer->data.assign(bytes, bytes + values.size() * sizeof(float));
    graph().tensors.back()->buffer = static_cast<uint32_t>(model_.buffers.size());
    model_.buffers.push_back(std::move(buffer));
    return index;
  }
  template <class Options>
  void op(B code, std::vector<int32_t> inputs, std::vector<int32_t> outputs, Options options) {
    add(code, std::move(inputs), std::move(outputs)).builtin_options.Set(std::move(options));
  }
  void op(B code, std::vector<int32_t> inputs, std::vector<int32_t> outputs) {
    add(code, std::move(inputs), std::move(outputs));
  }
  void ends(std::vector<int32_t> inputs, std::vector<int32_t> outputs) {
    graph().inputs = std::move(inputs);
    graph().outputs = std::move(outputs);
  }
  int32_t ints(std::vector<int32_t> values) {
    const int32_t index = constant({static_cast<int32_t>(values.size())}, std::vector<float>(values.size()));
    graph().tensors[static_cast<size_t>(index)]->type = fb::TensorType::INT32;
    std::memcpy(model_.buffers.back()->data.data(), values.data(), 4 * values.size());
    return index;
  }
  void sign(int32_t tensor, std::vector<int32_t> signature) {
    graph().tensors[static_cast<size_t>(tensor)]->shape_signature = std::move(signature);
  }
  Graph read() const {
    flatbuffers::FlatBufferBuilder builder;
    fb::FinishModelBuffer(builder, fb::Model::Pack(builder, &model_));
    const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
    return read_bytes({bytes, bytes + builder.GetSize()});
  }

 private:
  fb::SubGraphT& graph() { return *model_.subgraphs.back(); }
  fb::OperatorT& add(B code, std::vector<int32_t> inputs, std::vector<int32_t> outputs) {
    auto entry = std::make_unique<fb::OperatorCodeT>();
    entry->builtin_code = code;
    entry->deprecated_builtin_code = static_cast<int8_t>(std::min(code, B::PLACEHOLDER_FOR_GREATER_OP_CODES));
    auto op = std::make_unique<fb::OperatorT>();
    op->opcode_index = static_cast<uint32_t>(model_.operator_codes.size());
    op->inputs = std::move(inputs);
    op->outputs = std::move(outputs);
    model_.operator_codes.push_back(std::move(entry));
    graph().operators.push_back(std::move(op));
    return *graph().operators.back();
  }
  fb::ModelT model_;
};

float run(const Graph& graph, std::vector<Tensor> inputs) { return evaluate(graph, inputs)[0].data<float>()[0]; }

constexpr auto kFloat = fb::TensorType::FLOAT32;
constexpr auto kFlag = fb::TensorType::BOOL;

TEST(TfliteControl, ReadsAndWritesIf) {
  ModelBuilder m;
  m.subgraph();
  const int32_t flag = m.tensor(kFlag), x = m.tensor(kFloat), y = m.tensor(kFloat);
  fb::IfOptionsT o;
  o.then_subgraph_index = 1;
  o.else_subgraph_index = 2;
  m.op(B::IF, {flag, x}, {y}, o);
  m.ends({flag, x}, {y});
  for (const B code : {B::NEG, B::EXP}) {
    m.subgraph();
    const int32_t in = m.tensor(kFloat), out = m.tensor(kFloat);
    m.op(code, {in}, {out});
    m.ends({in}, {out});
  }
  const Graph graph = m.read();
  for (const Graph& g : {graph, read_bytes(write_tflite(graph))}) {
    EXPECT_FLOAT_EQ(run(g, {Tensor::scalar(true), Tensor::scalar(1.0f)}), -1);
    EXPECT_FLOAT_EQ(run(g, {Tensor::scalar(false), Tensor::scalar(0.0f)}), 1);
  }
}

TEST(TfliteControl, ReadsAndWritesWhile) {
  ModelBuilder m;
  m.subgraph();
  const int32_t x = m.tensor(kFloat), y = m.tensor(kFloat);
  fb::WhileOptionsT o;
  o.cond_subgraph_index = 1;
  o.body_subgraph_index = 2;
  m.op(B::WHILE, {x}, {y}, o);
  m.ends({x}, {y});
  m.subgraph();
  const int32_t state = m.tensor(kFloat), limit = m.constant(50), flag = m.tensor(kFlag);
  m.op(B::LESS, {state, limit}, {flag});
  m.ends({state}, {flag});
  m.subgraph();
  const int32_t before = m.tensor(kFloat), two = m.constant(2), after = m.tensor(kFloat);
  m.op(B::MUL, {before, two}, {after}, fb::MulOptionsT());
  m.ends({before}, {after});
  const Graph graph = m.read();
  EXPECT_FLOAT_EQ(run(graph, {Tensor::scalar(3.0f)}), 96);
  EXPECT_FLOAT_EQ(run(read_bytes(write_tflite(graph)), {Tensor::scalar(3.0f)}), 96);
}

TEST(TfliteControl, IgnoresInitialisationAndFollowsVariables) {
  ModelBuilder m;
  m.subgraph();
  const int32_t x = m.tensor(kFloat), handle = m.tensor(fb::TensorType::RESOURCE), zero = m.tensor(kFloat),
                sum = m.tensor(kFloat), again = m.tensor(kFloat), y = m.tensor(kFloat);
  fb::CallOnceOptionsT once;
  once.init_subgraph_index = 1;
  m.op(B::CALL_ONCE, {}, {}, once);
  m.op(B::VAR_HANDLE, {}, {handle});
  m.op(B::READ_VARIABLE, {handle}, {zero});
  m.op(B::ADD, {zero, x}, {sum}, fb::AddOptionsT());
  m.op(B::ASSIGN_VARIABLE, {handle, sum}, {});
  m.op(B::READ_VARIABLE, {handle}, {again});
  m.op(B::MUL, {again, again}, {y}, fb::MulOptionsT());
  m.ends({x}, {y});
  m.subgraph();
  m.ends({}, {});
  EXPECT_FLOAT_EQ(run(m.read(), {Tensor::scalar(3.0f)}), 9);
}

TEST(TfliteControl, HalfPrecisionWeightsStayHalfInTheFile) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, Shape(Dims{1, 2}), nullptr});
  const ValueId half = graph.add_constant(cast(Tensor::of<float>({2}, {0.5f, 3.0f}), DType::kF16), "half");
  const ValueId wide = graph.add(Cast{.to = DType::kF32}, {half});
  graph.set_outputs({graph.add(Mul{}, {x, wide}, {.name = "y"})});
  const std::vector<std::byte> bytes = write_tflite(graph);
  const fb::Model& model = *fb::GetModel(bytes.data());
  EXPECT_EQ(model.operator_codes()->Get(0)->builtin_code(), B::DEQUANTIZE);
  const Graph again = read_bytes(bytes);
  const std::vector<Tensor> inputs{Tensor::of<float>({1, 2}, {2.0f, 4.0f})};
  EXPECT_EQ(to_doubles(evaluate(again, inputs)[0]), (std::vector<double>{1, 12}));
}

/// The metadata that tells which release a file needs.
std::string runtime_of(const std::string& case_name) {
  for (const TfliteCase& c : tflite_cases()) {
    if (c.name != case_name) continue;
    const std::vector<std::byte> bytes = write_tflite(read_bytes(c.model()));
    const fb::Model& model = *fb::GetModel(bytes.data());
    for (const fb::Metadata* entry : *model.metadata())
      if (entry->name()->str() == "min_runtime_version")
        return reinterpret_cast<const char*>(model.buffers()->Get(entry->buffer())->data()->data());
  }
  return {};
}

TEST(TfliteControl, ReadsACallAsTheNodesOfItsSubgraph) {
  ModelBuilder m;
  m.subgraph();
  const int32_t x = m.tensor(kFloat), once = m.tensor(kFloat), twice = m.tensor(kFloat);
  fb::CallOptionsT o;
  o.subgraph = 1;
  m.op(B::CALL, {x}, {once}, o);
  m.op(B::CALL, {once}, {twice}, o);
  m.ends({x}, {twice});
  m.subgraph();
  const int32_t in = m.tensor(kFloat), three = m.constant(3), out = m.tensor(kFloat);
  m.op(B::MUL, {in, three}, {out}, fb::MulOptionsT());
  m.ends({in}, {out});
  const Graph graph = m.read();
  EXPECT_EQ(graph.node_count(), 2u);
  EXPECT_FLOAT_EQ(run(graph, {Tensor::scalar(2.0f)}), 18);
}

TEST(TfliteSignal, AnAudioFrontendStaysComplexInTheFile) {
  constexpr auto kComplex = fb::TensorType::COMPLEX64;
  ModelBuilder m;
  m.subgraph();
  const int32_t x = m.tensor(kFloat, {1, 3, 8}), spectrum = m.tensor(kComplex, {1, 1, 3, 5});
  const int32_t wide = m.tensor(kFloat, {1, 3, 1, 8}), flat = m.tensor(kComplex, {1, 3, 5}),
                y = m.tensor(kFloat, {1, 3, 5});
  m.sign(x, {-1, 3, 8});
  const int32_t axis = m.ints({2}), lengths = m.ints({1, 8});
  m.op(B::EXPAND_DIMS, {x, axis}, {wide}, fb::ExpandDimsOptionsT());
  m.op(B::RFFT2D, {wide, lengths}, {spectrum}, fb::Rfft2dOptionsT());
  fb::SqueezeOptionsT o;
  o.squeeze_dims = {-2};
  m.op(B::SQUEEZE, {spectrum}, {flat}, o);
  m.op(B::COMPLEX_ABS, {flat}, {y});
  m.ends({x}, {y});
  const Graph graph = m.read();
  const std::vector<std::byte> bytes = write_tflite(graph);
  const fb::Model& file = *fb::GetModel(bytes.data());
  std::vector<B> codes;
  for (const auto* op : *file.subgraphs()->Get(0)->operators())
    codes.push_back(file.operator_codes()->Get(op->opcode_index())->builtin_code());
  EXPECT_EQ(std::count(codes.begin(), codes.end(), B::RFFT2D), 1);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), B::COMPLEX_ABS), 1);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), B::PACK), 0);
  Tensor input = Tensor::zeros(DType::kF32, {2, 3, 8});
  for (size_t i = 0; i < 48; i += 8) input.mutable_data<float>()[i + 1] = 2;
  for (Graph g : {graph, read_bytes(bytes)}) {
    g.set_input_shape(g.inputs()[0], Shape(Dims{2, 3, 8}));
    EXPECT_EQ(g.type(g.outputs()[0]).shape, Shape(Dims{2, 3, 5}));
    const Tensor found = evaluate(g, std::vector<Tensor>{input})[0];
    for (const float v : found.data<float>()) EXPECT_NEAR(v, 2, 1e-6);
  }
}

TEST(TfliteSignal, BitsChangeTheirNameAndBack) {
  ModelBuilder m;
  m.subgraph();
  const int32_t x = m.tensor(kFloat, {2}), y = m.tensor(fb::TensorType::UINT8, {2, 4});
  m.op(B::BITCAST, {x}, {y}, fb::BitcastOptionsT());
  m.ends({x}, {y});
  const Graph graph = read_bytes(write_tflite(m.read()));
  const Tensor bytes = evaluate(graph, std::vector<Tensor>{Tensor::of<float>({2}, {1.0f, -2.0f})})[0];
  EXPECT_EQ(bytes.dims(), (Dims{2, 4}));
  EXPECT_EQ(bytes.data<uint8_t>()[3], 0x3f);
  EXPECT_EQ(bytes.data<uint8_t>()[7], 0xc0);
}

/// exp of a tensor of `shape` and `signature`.
Graph signed_model(std::vector<int32_t> shape, std::vector<int32_t> signature) {
  ModelBuilder m;
  m.subgraph();
  const int32_t x = m.tensor(kFloat, shape), y = m.tensor(kFloat, shape);
  m.sign(x, signature);
  m.sign(y, std::move(signature));
  m.op(B::EXP, {x}, {y});
  m.ends({x}, {y});
  return m.read();
}

TEST(TfliteSignature, OpenSizesAreSymbolsThatSurviveARoundTrip) {
  const Graph graph = signed_model({1, 1, 3}, {-1, -1, 3});
  for (const Graph& g : {graph, read_bytes(write_tflite(graph))}) {
    const Shape open{Dim("batch"), Dim("d1"), Dim(3)};
    EXPECT_EQ(g.type(g.inputs()[0]).shape, open);
    EXPECT_EQ(g.type(g.outputs()[0]).shape, open);
  }
}

TEST(TfliteSignature, AnOpenSizeThatTheFileHasFixedStaysFixed) {
  const Graph graph = signed_model({4, 3}, {-1, 3});
  EXPECT_EQ(graph.type(graph.inputs()[0]).shape, Shape(Dims{4, 3}));
}

TEST(TfliteSignature, IsIgnoredWhenItDoesNotFitTheShape) {
  const Graph graph = signed_model({1, 3}, {-1});
  EXPECT_EQ(graph.type(graph.inputs()[0]).shape, Shape(Dims{1, 3}));
}

TEST(TfliteSignature, SizesAreThoseOfTheFileWhenAnOperatorNeedsThem) {
  ModelBuilder m;
  m.subgraph();
  const int32_t x = m.tensor(kFloat, {1}), y = m.tensor(kFloat, {1, 1});
  m.sign(x, {-1});
  m.op(B::MATRIX_DIAG, {x}, {y}, fb::MatrixDiagOptionsT());
  m.ends({x}, {y});
  const Graph graph = m.read();
  EXPECT_EQ(graph.type(graph.inputs()[0]).shape, Shape(Dims{1}));
  EXPECT_FLOAT_EQ(run(graph, {Tensor::of<float>({1}, {5.0f})}), 5);
}

TEST(TfliteSignature, AnOpenBatchLeavesTheSizeOfATransposedConvolutionKnown) {
  ModelBuilder m;
  m.subgraph();
  const int32_t x = m.tensor(kFloat, {1, 2, 2, 1}), w = m.constant({1, 2, 2, 1}, {1, 2, 3, 4});
  const int32_t y = m.tensor(kFloat, {1, 4, 4, 1}), dims = m.tensor(fb::TensorType::INT32, {4});
  m.sign(x, {-1, 2, 2, 1});
  m.sign(y, {-1, 4, 4, 1});
  fb::ShapeOptionsT shape;
  shape.out_type = fb::TensorType::INT32;
  m.op(B::SHAPE, {x}, {dims}, shape);
  fb::TransposeConvOptionsT o;
  o.stride_h = o.stride_w = 2;
  m.op(B::TRANSPOSE_CONV, {dims, w, x}, {y}, o);
  m.ends({x}, {y});
  Graph graph = m.read();
  graph.set_input_shape(graph.inputs()[0], Shape(Dims{3, 2, 2, 1}));
  EXPECT_EQ(graph.type(graph.outputs()[0]).shape, Shape(Dims{3, 4, 4, 1}));
}

TEST(TfliteWriter, NamesTheOldestRuntimeThatHasEveryOperator) {
  EXPECT_EQ(runtime_of("add_f32"), "1.5.0");
  EXPECT_EQ(runtime_of("conv_i8"), "1.14.0");
  EXPECT_EQ(runtime_of("batch_matmul_i8"), "2.3.0");
  EXPECT_EQ(runtime_of("gelu_f32"), "2.9.0");
}

}  // namespace
}  // namespace hone
