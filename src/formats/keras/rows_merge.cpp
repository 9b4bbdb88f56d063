#include "base/error.h"
#include "base/text.h"
#include "formats/keras/layer.h"
#include "ops/binary.h"
#include "ops/movement.h"

namespace hone::keras {

namespace {

template <class Op>
ValueId chain(Layer& l) {
  ValueId y = l.x();
  for (size_t i = 1; i < l.in.size(); ++i) y = l.add(Op{}, {y, l.in[i]});
  return y;
}

template <class Op>
void read_chain(Layer& l) {
  l.emit(chain<Op>(l));
}

void read_subtract(Layer& l) {
  if (l.in.size() != 2) throw invalid_model(cat("found ", l.in.size(), " inputs, expected 2"));
  read_chain<Sub>(l);
}

void read_average(Layer& l) {
  const Tensor part = Tensor::of<float>({}, {1 / static_cast<float>(l.in.size())});
  l.emit(l.add(Mul{}, {chain<Add>(l), l.constant(part, "part")}));
}

void read_concatenate(Layer& l) {
  const int64_t axis = l.integer("axis", -1);
  l.x();
  l.emit(l.add(Concat{.axis = axis < 0 ? axis + l.rank(l.x()) : axis}, l.in));
}

constexpr LayerRow kRows[] = {
    {"Add", read_chain<Add>},          {"Subtract", read_subtract},      {"Multiply", read_chain<Mul>},
    {"Average", read_average},         {"Maximum", read_chain<Maximum>}, {"Minimum", read_chain<Minimum>},
    {"Concatenate", read_concatenate},
};

}  // namespace

std::span<const LayerRow> merge_rows() { return kRows; }

}  // namespace hone::keras
