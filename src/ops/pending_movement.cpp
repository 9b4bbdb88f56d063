#include "ops/movement.h"

namespace hone {

constinit const OpDef Reshape::def{.name = Reshape::kName, .attrs = &attr_type<Reshape>()};
constinit const OpDef Flatten::def{.name = Flatten::kName, .attrs = &attr_type<Flatten>()};
constinit const OpDef Squeeze::def{.name = Squeeze::kName, .attrs = &attr_type<Squeeze>()};
constinit const OpDef Unsqueeze::def{.name = Unsqueeze::kName, .attrs = &attr_type<Unsqueeze>()};
constinit const OpDef Transpose::def{.name = Transpose::kName, .attrs = &attr_type<Transpose>()};
constinit const OpDef Expand::def{.name = Expand::kName, .attrs = &attr_type<Expand>()};
constinit const OpDef Tile::def{.name = Tile::kName, .attrs = &attr_type<Tile>()};
constinit const OpDef Concat::def{.name = Concat::kName, .attrs = &attr_type<Concat>()};
constinit const OpDef Split::def{.name = Split::kName, .attrs = &attr_type<Split>()};
constinit const OpDef Slice::def{.name = Slice::kName, .attrs = &attr_type<Slice>()};
constinit const OpDef Pad::def{.name = Pad::kName, .attrs = &attr_type<Pad>()};
constinit const OpDef Gather::def{.name = Gather::kName, .attrs = &attr_type<Gather>()};
constinit const OpDef GatherElements::def{.name = GatherElements::kName, .attrs = &attr_type<GatherElements>()};
constinit const OpDef GatherND::def{.name = GatherND::kName, .attrs = &attr_type<GatherND>()};
constinit const OpDef ScatterElements::def{.name = ScatterElements::kName, .attrs = &attr_type<ScatterElements>()};
constinit const OpDef ScatterND::def{.name = ScatterND::kName, .attrs = &attr_type<ScatterND>()};
constinit const OpDef ReverseSequence::def{.name = ReverseSequence::kName, .attrs = &attr_type<ReverseSequence>()};
constinit const OpDef Reverse::def{.name = Reverse::kName, .attrs = &attr_type<Reverse>()};
constinit const OpDef DepthToSpace::def{.name = DepthToSpace::kName, .attrs = &attr_type<DepthToSpace>()};
constinit const OpDef SpaceToDepth::def{.name = SpaceToDepth::kName, .attrs = &attr_type<SpaceToDepth>()};
constinit const OpDef SpaceToBatch::def{.name = SpaceToBatch::kName, .attrs = &attr_type<SpaceToBatch>()};
constinit const OpDef BatchToSpace::def{.name = BatchToSpace::kName, .attrs = &attr_type<BatchToSpace>()};
constinit const OpDef Compress::def{.name = Compress::kName, .attrs = &attr_type<Compress>()};
constinit const OpDef Trilu::def{.name = Trilu::kName, .attrs = &attr_type<Trilu>()};
constinit const OpDef TopK::def{.name = TopK::kName, .attrs = &attr_type<TopK>()};
constinit const OpDef Unique::def{.name = Unique::kName, .attrs = &attr_type<Unique>()};
constinit const OpDef Dropout::def{.name = Dropout::kName, .attrs = &attr_type<Dropout>()};

}  // namespace hone
