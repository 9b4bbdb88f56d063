// Nodes drawn blindly: whatever types, attributes and constants an operator is given, it is typed, counted and
// evaluated, or refused with an Error that is no bug.

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "base/error.h"
#include "base/text.h"
#include "ir/graph.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

const OpSet kOps = all_ops();

class Draw {
 public:
  explicit Draw(uint64_t seed) : engine_(seed) {}

  int64_t below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  bool chance(int64_t percent) { return below(100) < percent; }

  int64_t integer() {
    constexpr int64_t kRare[] = {-100, 100, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
    return chance(4) ? kRare[below(4)] : below(8) - 2;
  }
  float real() {
    constexpr float kAll[] = {0,
                              1,
                              -1,
                              0.5f,
                              2,
                              -0.5f,
                              1e30f,
                              std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()};
    return kAll[below(9)];
  }
  DType dtype() { return static_cast<DType>(below(kDTypeCount)); }

  Dims dims() {
    Dims dims;
    for (int64_t left = below(6); left > 0; --left) dims.push_back(chance(10) ? 0 : 1 + below(4));
    return dims;
  }
  Tensor tensor(DType dtype, Dims dims) {
    Tensor x = Tensor::empty(DType::kF64, std::move(dims));
    for (double& v : x.mutable_data<double>()) v = chance(90) ? static_cast<double>(below(6) - 1) : double{real()};
    return cast(x, dtype);
  }
  Shape shape() {
    Shape shape{dims()};
    if (chance(5)) return Shape::unranked();
    for (Dim& d : shape.list())
      if (chance(5)) d = chance(50) ? Dim() : Dim("n");
    return shape;
  }

  void fill(const FieldInfo& field, void* attrs) {
    void* at = field.address(attrs);
    switch (field.kind) {
      case AttrKind::kInt:
        *static_cast<int64_t*>(at) = integer();
        break;
      case AttrKind::kFloat:
        *static_cast<float*>(at) = real();
        break;
      case AttrKind::kBool:
        *static_cast<bool*>(at) = chance(50);
        break;
      case AttrKind::kString:
        *static_cast<std::string*>(at) = chance(50) ? "" : "ij,jk->ik";
        break;
      case AttrKind::kInts:
        static_cast<std::vector<int64_t>*>(at)->resize(static_cast<size_t>(below(6)));
        for (int64_t& v : *static_cast<std::vector<int64_t>*>(at)) v = integer();
        break;
      case AttrKind::kFloats:
        static_cast<std::vector<float>*>(at)->resize(static_cast<size_t>(below(5)));
        for (float& v : *static_cast<std::vector<float>*>(at)) v = real();
        break;
      case AttrKind::kStrings:
        *static_cast<std::vector<std::string>*>(at) = {"Tanh", "Sigmoid"};
        break;
      case AttrKind::kDType:
        *static_cast<DType*>(at) = dtype();
        break;
      case AttrKind::kTensor:
        *static_cast<Tensor*>(at) = tensor(dtype(), dims());
        break;
      case AttrKind::kEnum:
        *static_cast<int*>(at) = static_cast<int>(below(static_cast<int64_t>(field.enum_names.size())));
        break;
    }
  }

 private:
  std::mt19937_64 engine_;
};

/// A graph of one node of `def`, and what is fed to it.
struct Blind {
  Graph graph;
  std::vector<Tensor> feeds;
};

Blind draw_node(const OpDef& def, Draw& draw) {
  Blind blind;
  const int64_t most = def.max_inputs < 0 ? def.min_inputs + 3 : def.max_inputs;
  const int64_t count = def.min_inputs + draw.below(most - def.min_inputs + 1);
  const bool is_plain = draw.chance(70);
  const DType common = draw.chance(60) ? DType::kF32 : draw.dtype();
  NodeSpec spec;
  spec.def = &def;
  for (int64_t i = 0; i < count; ++i) {
    // What an operator asks for more often than not, so that draws get past its first checks.
    const InputRule rule =
        def.inputs.empty() ? InputRule() : def.inputs[std::min(static_cast<size_t>(i), def.inputs.size() - 1)];
    DType dtype = is_plain ? common : draw.dtype();
    for (int tries = 0; tries < 20 && !rule.dtypes.contains(dtype) && draw.chance(95); ++tries) dtype = draw.dtype();
    if (draw.chance(5)) {
      spec.inputs.push_back(ValueId{});
    } else if (draw.chance(40)) {
      spec.inputs.push_back(blind.graph.add_constant(draw.tensor(dtype, draw.dims())));
    } else {
      TensorType type{dtype, draw.shape(), nullptr};
      if (size_of(dtype) == 1 && dtype != DType::kBool && draw.chance(30))
        type.quant = QuantParams::per_tensor(0.5f, static_cast<int32_t>(draw.below(5)));
      spec.inputs.push_back(blind.graph.add_input(cat("x", i), type));
      Dims dims;
      if (type.shape.has_rank())
        for (const Dim& d : type.shape.list()) dims.push_back(d.is_known() ? d.value() : draw.below(4));
      blind.feeds.push_back(draw.tensor(dtype, dims).with_quant(type.quant));
    }
  }
  std::shared_ptr<void> attrs = def.attrs->create();
  for (const FieldInfo& field : def.attrs->fields)
    if (draw.chance(25)) draw.fill(field, attrs.get());
  spec.attrs = Attrs(*def.attrs, attrs);
  const int64_t most_outputs = def.max_outputs < 0 ? def.min_outputs + 2 : def.max_outputs;
  spec.outputs = static_cast<size_t>(def.min_outputs + draw.below(most_outputs - def.min_outputs + 1));
  blind.graph.arithmetic = draw.chance(50) ? QuantArithmetic::kFixedPoint : QuantArithmetic::kFloat;
  const NodeId id = blind.graph.add(std::move(spec));
  blind.graph.set_outputs(blind.graph.node(id).outputs);
  return blind;
}

/// Everything that relies on inference having checked the node.
void rely_on(const Blind& blind) {
  const Node& node = blind.graph.node(blind.graph.order()[0]);
  std::vector<const TensorType*> in, out;
  bool is_static = true;
  int64_t elements = 0;
  for (const ValueId id : node.inputs) {
    in.push_back(id.exists() ? &blind.graph.type(id) : nullptr);
    is_static &= !in.back() || in.back()->shape.is_static();
  }
  for (const ValueId id : node.outputs) {
    out.push_back(&blind.graph.type(id));
    is_static &= out.back()->shape.is_static();
    if (out.back()->shape.is_static()) elements = std::max(elements, out.back()->shape.elements());
  }
  if (is_static && node.def->macs) node.def->macs(node.attrs, in, out);
  if (elements <= 1 << 20) evaluate(blind.graph, blind.feeds);
}

TEST(BlindNodes, AreTypedAndEvaluatedOrRefused) {
  constexpr int kDraws = 400;
  for (const OpDef* def : kOps.all()) {
    int evaluated = 0;
    for (int i = 0; i < kDraws; ++i) {
      Draw draw(static_cast<uint64_t>(i));
      std::string text = std::string(def->name);
      try {
        const Blind blind = draw_node(*def, draw);
        text = to_text(blind.graph, {.max_constant_elements = -1});
        rely_on(blind);
        ++evaluated;
      } catch (const Error& e) {
        EXPECT_NE(e.code(), ErrorCode::kInternal) << "draw " << i << ": " << e.what() << "\n" << text;
      }
    }
    // Some operators need what blind draws rarely give: subgraphs, an equation, a dozen fitting shapes.
    if (def->max_inputs >= 0 && def->max_inputs <= 2 && def->elementwise) {
      EXPECT_GT(evaluated, 0) << def->name;
    }
  }
}

TEST(InputRules, AreNotMoreThanTheOperatorTakes) {
  for (const OpDef* def : kOps.all()) {
    if (def->max_inputs < 0) continue;
    EXPECT_LE(def->inputs.size(), static_cast<size_t>(def->max_inputs)) << def->name;
  }
}

TEST(InputRules, AreCheckedBeforeInference) {
  for (const OpDef* def : kOps.all()) {
    for (size_t i = 0; i < def->inputs.size(); ++i) {
      for (int d = 0; d < kDTypeCount; ++d) {
        const TensorType type{static_cast<DType>(d), Shape::unranked(), nullptr};
        if (def->inputs[i].dtypes.contains(type.dtype)) continue;
        const std::vector<const TensorType*> types(i + 1, &type);
        const std::vector<const Tensor*> constants(i + 1, nullptr);
        const Attrs attrs(*def->attrs, def->attrs->create());
        try {
          infer_types(*def, attrs, types, constants, 1, {});
          ADD_FAILURE() << def->name << " takes input " << i << " of " << to_string(type.dtype);
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), ErrorCode::kInvalidModel) << def->name << ": " << e.what();
        }
      }
    }
  }
}

}  // namespace
}  // namespace hone
