#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite_case.h"
#include "formats/tflite_models.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/control.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone {
namespace {

/// Reads untrusted bytes and writes what was read: an Error is as good as a graph; anything else fails the test by
/// itself.
std::string error_of(const std::vector<std::byte>& bytes) {
  try {
    write_tflite(read_bytes(bytes));
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

std::vector<std::byte> small_model() {
  for (const TfliteCase& c : tflite_cases())
    if (c.name == "conv_i8") return c.model();
  return {};
}

/// A model whose tables were changed by `change`.
template <class F>
std::vector<std::byte> changed(F&& change) {
  fb::ModelT m;
  fb::GetModel(small_model().data())->UnPackTo(&m);
  change(m);
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishModelBuffer(builder, fb::Model::Pack(builder, &m));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

TEST(TfliteHostile, EveryTruncationIsAnError) {
  const std::vector<std::byte> whole = small_model();
  for (size_t n = 0; n < whole.size(); n += n < 64 ? 1 : 13) {
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<int64_t>(n));
    EXPECT_NE(error_of(part), "") << n << " of " << whole.size() << " bytes";
  }
}

TEST(TfliteHostile, FlippedBitsAreAnErrorOrAModel) {
  const std::vector<std::byte> whole = small_model();
  for (size_t bit = 0; bit < whole.size() * 8; bit += 7) {
    std::vector<std::byte> broken = whole;
    broken[bit / 8] ^= std::byte(1 << bit % 8);
    error_of(broken);
  }
}

TEST(TfliteHostile, EveryCaseSurvivesChangedBytes) {
  uint32_t state = 12345;
  for (const TfliteCase& c : tflite_cases()) {
    const std::vector<std::byte> whole = c.model();
    for (int round = 0; round < 40; ++round) {
      std::vector<std::byte> broken = whole;
      for (int k = 0; k < 3; ++k) {
        state = state * 1664525u + 1013904223u;
        const uint32_t value = state >> 24;
        state = state * 1664525u + 1013904223u;
        broken[(state >> 4) % broken.size()] = static_cast<std::byte>(round % 2 ? value : 0xff);
      }
      error_of(broken);
    }
  }
}

TEST(TfliteHostile, EveryOperatorSurvivesMissingInputsAndOutputs) {
  const auto* names = fb::EnumNamesBuiltinOperator();
  for (int32_t code = 0; names[code]; ++code)
    for (const size_t inputs : {0, 1, 2})
      for (const size_t outputs : {0, 1}) {
        SCOPED_TRACE(testing::Message() << names[code] << " of " << inputs << " inputs and " << outputs << " outputs");
        error_of(changed([&](fb::ModelT& m) {
          auto& written = *m.operator_codes[0];
          written.builtin_code = static_cast<fb::BuiltinOperator>(code);
          written.deprecated_builtin_code = static_cast<int8_t>(std::min(code, 127));
          written.version = 1;
          auto& op = *m.subgraphs[0]->operators[0];
          op.inputs.resize(inputs);
          op.outputs.resize(outputs);
          op.builtin_options = {};
        }));
      }
}

TEST(TfliteHostile, NamesTensorAndOperatorOfABadIndex) {
  const std::string text = error_of(changed([](fb::ModelT& m) { m.subgraphs[0]->operators[0]->inputs[1] = 77; }));
  EXPECT_NE(text.find("tensor index is 77"), std::string::npos) << text;
  EXPECT_NE(text.find("operator 0 (CONV_2D, version 3)"), std::string::npos) << text;
}

TEST(TfliteHostile, RejectsABufferIndexOutsideTheFile) {
  const std::string text = error_of(changed([](fb::ModelT& m) { m.subgraphs[0]->tensors[1]->buffer = 1000; }));
  EXPECT_NE(text.find("buffer index is 1000"), std::string::npos) << text;
  EXPECT_NE(text.find("in tensor 1 'in1'"), std::string::npos) << text;
}

TEST(TfliteHostile, RejectsAGigabyteShapeOverAFewBytes) {
  const std::string text = error_of(changed([](fb::ModelT& m) {
    m.subgraphs[0]->tensors[1]->shape = {6, 30000, 30000, 4};
  }));
  EXPECT_NE(text.find("buffer holds 216 bytes"), std::string::npos) << text;
}

TEST(TfliteHostile, RejectsAVariableThatClaimsAGigabyte) {
  const std::string text = error_of(changed([](fb::ModelT& m) {
    fb::TensorT& bias = *m.subgraphs[0]->tensors[2];
    bias.buffer = 0;
    bias.is_variable = true;
    bias.quantization = nullptr;
    bias.shape = {1 << 30};
  }));
  EXPECT_NE(text.find("out of proportion"), std::string::npos) << text;
}

TEST(TfliteHostile, RejectsSizesThatOverflow) {
  const std::string text = error_of(changed([](fb::ModelT& m) {
    m.subgraphs[0]->tensors[1]->shape = {2147483647, 2147483647, 2147483647, 2147483647};
    m.subgraphs[0]->tensors[1]->quantization = nullptr;
  }));
  EXPECT_NE(text, "");
}

TEST(TfliteHostile, RejectsATensorReadBeforeItIsWritten) {
  const std::string text = error_of(changed([](fb::ModelT& m) {
    auto& op = *m.subgraphs[0]->operators[0];
    op.inputs[0] = op.outputs[0];
  }));
  EXPECT_NE(text.find("read before any operator writes it"), std::string::npos) << text;
}

TEST(TfliteHostile, RejectsASecondWriterOfATensor) {
  const std::string text = error_of(changed([](fb::ModelT& m) {
    auto copy = std::make_unique<fb::OperatorT>();
    copy->inputs = m.subgraphs[0]->operators[0]->inputs;
    copy->outputs = m.subgraphs[0]->operators[0]->outputs;
    copy->builtin_options = m.subgraphs[0]->operators[0]->builtin_options;
    m.subgraphs[0]->operators.push_back(std::move(copy));
  }));
  EXPECT_NE(text.find("is written twice"), std::string::npos) << text;
}

TEST(TfliteHostile, RejectsSubgraphsThatContainThemselves) {
  const std::string text = error_of(changed([](fb::ModelT& m) {
    m.operator_codes[0]->builtin_code = fb::BuiltinOperator::IF;
    m.operator_codes[0]->deprecated_builtin_code = static_cast<int8_t>(fb::BuiltinOperator::IF);
    m.operator_codes[0]->version = 1;
    fb::IfOptionsT o;
    m.subgraphs[0]->operators[0]->builtin_options.Set(o);
  }));
  EXPECT_NE(text.find("subgraph 0 contains itself"), std::string::npos) << text;
}

TEST(TfliteHostile, RejectsScalesThatDoNotFitTheirAxis) {
  const std::string text =
      error_of(changed([](fb::ModelT& m) { m.subgraphs[0]->tensors[1]->quantization->quantized_dimension = 1; }));
  EXPECT_NE(text.find("found 6 scales along axis 1, expected 3"), std::string::npos) << text;
}

TEST(TfliteHostile, RejectsAnotherSchemaVersion) {
  EXPECT_NE(error_of(changed([](fb::ModelT& m) { m.version = 2; })).find("schema version is 2"), std::string::npos);
}

TEST(TfliteHostile, RejectsAZeroStride) {
  const std::string text = error_of(
      changed([](fb::ModelT& m) { m.subgraphs[0]->operators[0]->builtin_options.AsConv2DOptions()->stride_h = 0; }));
  EXPECT_NE(text.find("stride_h is 0, expected at least 1"), std::string::npos) << text;
}

TEST(TfliteReader, KeepsUnknownOperatorsAndWritesThemBack) {
  const std::vector<std::byte> bytes = changed([](fb::ModelT& m) {
    m.operator_codes[0]->builtin_code = fb::BuiltinOperator::CUSTOM;
    m.operator_codes[0]->deprecated_builtin_code = static_cast<int8_t>(fb::BuiltinOperator::CUSTOM);
    m.operator_codes[0]->custom_code = "MyOperator";
    m.subgraphs[0]->operators[0]->builtin_options.Reset();
    m.subgraphs[0]->operators[0]->custom_options = {1, 2, 0, 255};
  });
  const Graph graph = read_bytes(bytes);
  const Node& node = graph.node(graph.order().at(0));
  ASSERT_TRUE(node.is<Opaque>());
  EXPECT_EQ(node.as<Opaque>().type, "MyOperator");
  EXPECT_EQ(node.as<Opaque>().payload, std::string("\x01\x02\x00\xff", 4));
  const Graph again = read_bytes(write_tflite(graph));
  EXPECT_EQ(to_text(again), to_text(graph));
}

TEST(TfliteReader, KeepsOptionsOfBuiltinOperatorsItDoesNotKnow) {
  const std::vector<std::byte> bytes = changed([](fb::ModelT& m) {
    m.operator_codes[0]->builtin_code = fb::BuiltinOperator::SKIP_GRAM;
    m.operator_codes[0]->deprecated_builtin_code = static_cast<int8_t>(fb::BuiltinOperator::SKIP_GRAM);
    fb::SkipGramOptionsT o;
    o.ngram_size = 42;
    m.subgraphs[0]->operators[0]->builtin_options.Set(o);
  });
  const std::vector<std::byte> written = write_tflite(read_bytes(bytes));
  fb::ModelT m;
  fb::GetModel(written.data())->UnPackTo(&m);
  ASSERT_NE(m.subgraphs[0]->operators[0]->builtin_options.AsSkipGramOptions(), nullptr);
  EXPECT_EQ(m.subgraphs[0]->operators[0]->builtin_options.AsSkipGramOptions()->ngram_size, 42);
}

TEST(TfliteReader, ReadsBuffersThatLieOutsideTheFlatbuffer) {
  fb::ModelT m;
  const std::vector<std::byte> plain = small_model();
  fb::GetModel(plain.data())->UnPackTo(&m);
  const std::vector<uint8_t> weight = m.buffers[1]->data;
  m.buffers[1]->data.clear();
  m.buffers[1]->offset = 1 << 14;
  m.buffers[1]->size = weight.size();
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishModelBuffer(builder, fb::Model::Pack(builder, &m));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  std::vector<std::byte> file(bytes, bytes + builder.GetSize());
  ASSERT_LT(file.size(), size_t(1) << 14);
  file.resize(1 << 14);
  EXPECT_NE(error_of(file).find("a buffer outside the flatbuffer"), std::string::npos);
  for (const uint8_t b : weight) file.push_back(std::byte(b));
  EXPECT_EQ(to_text(read_bytes(file), {-1}), to_text(read_bytes(plain), {-1}));
}

TEST(TfliteReader, MakesSparseWeightsDense) {
  const std::vector<std::byte> bytes = changed([](fb::ModelT& m) {
    auto& t = *m.subgraphs[0]->tensors[1];
    t.shape = {2, 1, 2, 4};
    t.quantization = nullptr;
    t.type = fb::TensorType::FLOAT32;
    auto s = std::make_unique<fb::SparsityParametersT>();
    s->traversal_order = {0, 1, 2, 3};
    for (const int size : {2, 1, 2}) {
      auto d = std::make_unique<fb::DimensionMetadataT>();
      d->dense_size = size;
      s->dim_metadata.push_back(std::move(d));
    }
    auto d = std::make_unique<fb::DimensionMetadataT>();
    d->format = fb::DimensionType::SPARSE_CSR;
    fb::Uint8VectorT segments, indices;
    segments.values = {0, 1, 1, 3, 3};
    indices.values = {2, 0, 3};
    d->array_segments.Set(segments);
    d->array_indices.Set(indices);
    s->dim_metadata.push_back(std::move(d));
    t.sparsity = std::move(s);
    const float values[] = {5, 6, 7};
    const auto* raw = reinterpret_cast<const uint8_t*>(values);
    m.buffers[1]->data.assign(raw, raw + sizeof values);
    m.subgraphs[0]->outputs = {1};
    m.subgraphs[0]->operators.clear();
  });
  const Graph graph = read_bytes(bytes);
  const std::vector<double> expected{0, 0, 5, 0, 0, 0, 0, 0, 6, 0, 0, 7, 0, 0, 0, 0};
  EXPECT_EQ(to_doubles(graph.value(graph.outputs()[0]).constant), expected);
}

TEST(TfliteReader, KeepsMetadataAndSignatures) {
  const std::vector<std::byte> bytes = changed([](fb::ModelT& m) {
    auto entry = std::make_unique<fb::MetadataT>();
    entry->name = "labels";
    entry->buffer = static_cast<uint32_t>(m.buffers.size());
    m.metadata.push_back(std::move(entry));
    m.buffers.push_back(std::make_unique<fb::BufferT>());
    m.buffers.back()->data = {0, 1, 2, 250};
    auto signature = std::make_unique<fb::SignatureDefT>();
    signature->signature_key = "predict";
    auto alias = std::make_unique<fb::TensorMapT>();
    alias->name = "an image";
    signature->inputs.push_back(std::move(alias));
    m.signature_defs.push_back(std::move(signature));
  });
  const Graph graph = read_bytes(bytes);
  EXPECT_EQ(graph.metadata.at("tflite.base64.labels"), "AAEC+g==");
  const std::vector<std::byte> written = write_tflite(graph);
  EXPECT_EQ(read_bytes(written).metadata.at("tflite.base64.labels"), "AAEC+g==");
  const fb::SignatureDef& s = *fb::GetModel(written.data())->signature_defs()->Get(0);
  EXPECT_EQ(s.signature_key()->str(), "predict");
  EXPECT_EQ(s.inputs()->Get(0)->name()->str(), "an image");
  EXPECT_EQ(s.outputs()->Get(0)->name()->str(), "out0");
}

TEST(TfliteWriter, TurnsFloat16WeightsInTheFileNotInEveryRun) {
  const Graph g = parse_graph(R"(graph "g" {
    input %x: f32[1,8,8,4]
    const %w16: f16[4,3,3,1] = random(1)
    %w: f32[4,3,3,1] = Cast(%w16) {to=f32}
    %y: f32[1,6,6,4] = Conv(%x, %w) {groups=4}
    output %y
  })",
                              all_ops());
  const std::vector<std::byte> bytes = write_tflite(g);
  fb::ModelT m;
  fb::GetModel(bytes.data())->UnPackTo(&m);
  std::vector<fb::BuiltinOperator> operators;
  for (const auto& op : m.subgraphs[0]->operators)
    operators.push_back(m.operator_codes[op->opcode_index]->builtin_code);
  EXPECT_EQ(operators, (std::vector{fb::BuiltinOperator::DEQUANTIZE, fb::BuiltinOperator::DEPTHWISE_CONV_2D}));
}

TEST(TfliteWriter, ListsEveryNodeItCannotWrite) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, Shape(Dims{2, 2}), nullptr});
  const ValueId first = graph.add(Det{}, {x}, {.name = "first"});
  const ValueId second = graph.add(Det{}, {x}, {.name = "second"});
  graph.set_outputs({first, second});
  try {
    write_tflite(graph);
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_NE(e.message().find("2 nodes cannot be written as tflite"), std::string::npos) << e.message();
    EXPECT_NE(e.message().find("node 'first' (Det)"), std::string::npos) << e.message();
    EXPECT_NE(e.message().find("node 'second' (Det)"), std::string::npos) << e.message();
  }
}

TEST(TfliteHostile, AnOutputOfAnotherTypeIsAnErrorOrALegalGraph) {
  for (const TfliteCase& c : tflite_cases())
    for (const fb::TensorType type : fb::EnumValuesTensorType()) {
      fb::ModelT m;
      fb::GetModel(c.model().data())->UnPackTo(&m);
      for (const int32_t out : m.subgraphs[0]->outputs) m.subgraphs[0]->tensors[static_cast<size_t>(out)]->type = type;
      flatbuffers::FlatBufferBuilder builder;
      fb::FinishModelBuffer(builder, fb::Model::Pack(builder, &m));
      const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
      try {
        verify(read_bytes({bytes, bytes + builder.GetSize()}));
      } catch (const Error& e) {
        EXPECT_NE(e.code(), ErrorCode::kInternal)
            << c.name << " as " << fb::EnumNameTensorType(type) << ": " << e.what();
      }
    }
}

TEST(TfliteHostile, AModelOfThousandsOfInputsIsReadAsItIsWritten) {
  Graph graph;
  std::vector<ValueId> inputs;
  for (int i = 0; i < 5000; ++i) inputs.push_back(graph.add_input(cat("x", i), {DType::kF32, Shape{1}, nullptr}));
  graph.set_outputs({graph.add(Concat{.axis = 0}, inputs)});
  EXPECT_EQ(read_bytes(write_tflite(graph)).inputs().size(), 5000u);
}

TEST(TfliteHostile, WindowsOverAnUnknownRankAreNotWritten) {
  for (const char* node : {"AveragePool(%x) {kernel=[2, 2]}", "MaxPool(%x) {kernel=[2, 2]}", "Conv(%x, %w)"}) {
    const Graph graph = parse_graph(
        cat("graph { input %x: f32[...]\n const %w: f32[1,1,1,1] = {1}\n %y = ", node, "\n output %y }"), all_ops());
    try {
      write_tflite(graph);
      ADD_FAILURE() << node << " was written";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUnsupported) << e.what();
    }
  }
}

}  // namespace
}  // namespace hone
