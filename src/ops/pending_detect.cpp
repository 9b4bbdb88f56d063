#include "ops/detect.h"

namespace hone {

constinit const OpDef NonMaxSuppression::def{.name = NonMaxSuppression::kName,
                                             .attrs = &attr_type<NonMaxSuppression>()};
constinit const OpDef NonMaxSuppressionPadded::def{.name = NonMaxSuppressionPadded::kName,
                                                   .attrs = &attr_type<NonMaxSuppressionPadded>()};
constinit const OpDef DetectionPostProcess::def{.name = DetectionPostProcess::kName,
                                                .attrs = &attr_type<DetectionPostProcess>()};
constinit const OpDef TfIdfVectorizer::def{.name = TfIdfVectorizer::kName, .attrs = &attr_type<TfIdfVectorizer>()};

}  // namespace hone
