#include "ops/shaping.h"

namespace hone {

constinit const OpDef ShapeOf::def{.name = ShapeOf::kName, .attrs = &attr_type<ShapeOf>()};
constinit const OpDef Size::def{.name = Size::kName, .attrs = &attr_type<Size>()};
constinit const OpDef Range::def{.name = Range::kName, .attrs = &attr_type<Range>()};
constinit const OpDef ConstantOfShape::def{.name = ConstantOfShape::kName, .attrs = &attr_type<ConstantOfShape>()};
constinit const OpDef Fill::def{.name = Fill::kName, .attrs = &attr_type<Fill>()};
constinit const OpDef EyeLike::def{.name = EyeLike::kName, .attrs = &attr_type<EyeLike>()};
constinit const OpDef NonZero::def{.name = NonZero::kName, .attrs = &attr_type<NonZero>()};
constinit const OpDef OneHot::def{.name = OneHot::kName, .attrs = &attr_type<OneHot>()};
constinit const OpDef ArgMax::def{.name = ArgMax::kName, .attrs = &attr_type<ArgMax>()};
constinit const OpDef ArgMin::def{.name = ArgMin::kName, .attrs = &attr_type<ArgMin>()};
constinit const OpDef CumSum::def{.name = CumSum::kName, .attrs = &attr_type<CumSum>()};
constinit const OpDef RandomNormal::def{.name = RandomNormal::kName, .attrs = &attr_type<RandomNormal>()};
constinit const OpDef RandomUniform::def{.name = RandomUniform::kName, .attrs = &attr_type<RandomUniform>()};
constinit const OpDef RandomNormalLike::def{.name = RandomNormalLike::kName, .attrs = &attr_type<RandomNormalLike>()};
constinit const OpDef RandomUniformLike::def{.name = RandomUniformLike::kName,
                                             .attrs = &attr_type<RandomUniformLike>()};
constinit const OpDef Bernoulli::def{.name = Bernoulli::kName, .attrs = &attr_type<Bernoulli>()};
constinit const OpDef Multinomial::def{.name = Multinomial::kName, .attrs = &attr_type<Multinomial>()};

}  // namespace hone
