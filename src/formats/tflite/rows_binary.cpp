#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/simple_rows.h"
#include "formats/tflite/types.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

template <class Op, class Options>
void read_activated(ReadNode& n) {
  n.emit_activated(Op{}, n.options<Options>().fused_activation_function, {n.in(0), n.in(1)});
}

template <class Op, class Options, B Code, int32_t I8, int32_t I16>
bool write_activated(WriteNode& n) {
  const Op& op = n.as<Op>();
  n.emit_activated(Code, Versions{1, I8, I16}.of(n.out_type()), Options(), op.act_min, op.act_max, {n.in(0), n.in(1)},
                   n.out());
  return true;
}

template <class Op, class Options, B Code, int32_t I8, int32_t I16>
constexpr Row activated_row() {
  return {Code, 7, read_activated<Op, Options>, &Op::def, write_activated<Op, Options, Code, I8, I16>};
}

template <class Op, class Options, B Code>
constexpr Row compare_row() {
  return {Code, 4, read_simple<Op>, &Op::def, [](WriteNode& n) {
            n.emit(Code, Versions{}.of(n.type(0)), Options(), {n.in(0), n.in(1)}, {n.out()});
            return true;
          }};
}

/// The kernels compare stored integers: all of one storage.
template <B Code>
bool write_extremum(WriteNode& n) {
  const TensorType& to = n.out_type();
  n.emit(Code, Versions{1, 2, 3}.of(to), fb::MaximumMinimumOptionsT(),
         {n.stored_as(n.in(0), to), n.stored_as(n.in(1), to)}, {n.out()});
  return true;
}

void read_add_n(ReadNode& n) {
  ValueId sum = n.in(0);
  if (n.input_count() == 1) return n.emit(Identity{}, {sum});
  for (size_t i = 1; i + 1 < n.input_count(); ++i) sum = n.temp(Add{}, {sum, n.in(i)});
  n.emit(Add{}, {sum, n.in(n.input_count() - 1)});
}

void read_floor_mod(ReadNode& n) { n.emit(Mod{}, {n.in(0), n.in(1)}); }

bool write_floor_mod(WriteNode& n) {
  if (n.as<Mod>().fmod) return false;
  return write_simple<B::FLOOR_MOD>(n);
}

/// Version 1 of SELECT takes one flag for each row of the others: [N] against [N, …].
void read_select(ReadNode& n) {
  ValueId condition = n.in(0);
  const int64_t rank = n.rank(1);
  if (n.rank(0) == 1 && rank > 1) {
    std::vector<int64_t> axes;
    for (int64_t i = 1; i < rank; ++i) axes.push_back(i);
    condition = n.temp(Unsqueeze{}, {condition, n.add_ints(axes, "axes")});
  }
  n.emit(Where{}, {condition, n.in(1), n.in(2)});
}

bool write_select(WriteNode& n) {
  n.emit(B::SELECT_V2, Versions{1, 1, 1}.of(n.out_type()), fb::SelectV2OptionsT(), {n.in(0), n.in(1), n.in(2)},
         {n.out()});
  return true;
}

void read_right_shift(ReadNode& n) {
  if (is_signed(n.type(0).dtype)) throw unsupported("arithmetic shift of signed integers");
  n.emit(BitShift{.right = true}, {n.in(0), n.in(1)});
}

/// Or and and of truth values differ: x xor y is x ≠ y.
bool write_xor(WriteNode& n) {
  n.emit(B::NOT_EQUAL, 1, fb::NotEqualOptionsT(), {n.in(0), n.in(1)}, {n.out()});
  return true;
}

bool write_prelu(WriteNode& n) {
  n.emit(B::PRELU, 1, {n.in(0), n.in(1)}, {n.out()});
  return true;
}

bool write_clip(WriteNode& n) {
  const bool has_max = n.has(2);
  TensorIndex at = n.in(0);
  if (n.has(1)) {
    const TensorIndex to = has_max ? n.temp(n.out_type(), "clipped") : n.out();
    n.emit(B::MAXIMUM, Versions{}.of(n.type(0)), fb::MaximumMinimumOptionsT(), {at, n.in(1)}, {to});
    at = to;
  }
  if (has_max)
    n.emit(B::MINIMUM, Versions{}.of(n.type(0)), fb::MaximumMinimumOptionsT(), {at, n.in(2)}, {n.out()});
  else if (!n.has(1))
    n.reshape(at, n.out());
  return true;
}

constexpr Row kRows[] = {
    activated_row<Add, fb::AddOptionsT, B::ADD, 2, 3>(),
    activated_row<Sub, fb::SubOptionsT, B::SUB, 2, 3>(),
    activated_row<Mul, fb::MulOptionsT, B::MUL, 2, 4>(),
    activated_row<Div, fb::DivOptionsT, B::DIV, 2, 2>(),
    {B::ADD_N, 2, read_add_n, nullptr, nullptr},
    simple_row<Pow, B::POW>(),
    simple_row<FloorDiv, B::FLOOR_DIV>(),
    {B::MAXIMUM, 4, read_simple<Maximum>, &Maximum::def, write_extremum<B::MAXIMUM>},
    {B::MINIMUM, 4, read_simple<Minimum>, &Minimum::def, write_extremum<B::MINIMUM>},
    simple_row<SquaredDifference, B::SQUARED_DIFFERENCE>(),
    simple_row<Atan2, B::ATAN2>(),
    {B::PRELU, 1, read_simple<PRelu>, &PRelu::def, write_prelu},
    simple_row<And, B::LOGICAL_AND>(),
    simple_row<Or, B::LOGICAL_OR>(),
    {B::NOT_EQUAL, 1, nullptr, &Xor::def, write_xor},
    simple_row<BitwiseXor, B::BITWISE_XOR>(),
    {B::RIGHT_SHIFT, 1, read_right_shift, nullptr, nullptr},
    compare_row<Equal, fb::EqualOptionsT, B::EQUAL>(),
    compare_row<NotEqual, fb::NotEqualOptionsT, B::NOT_EQUAL>(),
    compare_row<Less, fb::LessOptionsT, B::LESS>(),
    compare_row<LessOrEqual, fb::LessEqualOptionsT, B::LESS_EQUAL>(),
    compare_row<Greater, fb::GreaterOptionsT, B::GREATER>(),
    compare_row<GreaterOrEqual, fb::GreaterEqualOptionsT, B::GREATER_EQUAL>(),
    {B::FLOOR_MOD, 2, read_floor_mod, &Mod::def, write_floor_mod},
    {B::SELECT, 4, read_select, nullptr, nullptr},
    {B::SELECT_V2, 2, read_simple<Where>, &Where::def, write_select},
    {B::MAXIMUM, 1, nullptr, &Clip::def, write_clip},
};

}  // namespace

std::span<const Row> binary_rows() { return kRows; }

}  // namespace hone::tflite
