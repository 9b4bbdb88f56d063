#include "ops/recurrent.h"

namespace hone {

constinit const OpDef Rnn::def{.name = Rnn::kName, .attrs = &attr_type<Rnn>()};
constinit const OpDef Gru::def{.name = Gru::kName, .attrs = &attr_type<Gru>()};
constinit const OpDef Lstm::def{.name = Lstm::kName, .attrs = &attr_type<Lstm>()};

}  // namespace hone
