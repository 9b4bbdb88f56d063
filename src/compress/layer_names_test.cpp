#include "compress/layer_names.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/all.h"
#include "ops/conv.h"
#include "passes/pipelines.h"

namespace hone {
namespace {

/// Names of nodes are those of their results.
Graph as_in_the_file() {
  return parse_graph(R"(graph "names" {
  input %x: f32[1,4,4,2]
  const %w: f32[2,1,1,2] = {1, 2, 3, 4}
  const %w2: f32[2,1,1,2] = {1, 2, 3, 5}
  const %b: f32[2] = {0, 1}
  %conv: f32[1,4,4,2] = Conv(%x, %w, %b)
  %act: f32[1,4,4,2] = Relu(%conv)
  %no_layer: f32[1,4,4,2] = Exp(%act)
  %last: f32[1,4,4,2] = Conv(%no_layer, %w2, %b)
  output %last
})",
                     all_ops());
}

TEST(LayerNames, ANodeThatWasMergedIsTheLayerThatTookIt) {
  const Graph source = as_in_the_file();
  Graph prepared = source;
  run_pipeline(prepared, standard_pipeline());
  std::vector<std::string> layers;
  for (const NodeId id : prepared.order())
    if (prepared.node(id).is<Conv>()) layers.push_back(prepared.node(id).name);
  ASSERT_EQ(layers, (std::vector<std::string>{"act", "last"}));
  EXPECT_EQ(find_layer("conv", source, prepared, layers), "act");
  EXPECT_EQ(find_layer("act", source, prepared, layers), "act");
  EXPECT_EQ(find_layer("last", source, prepared, layers), "last");
}

TEST(LayerNames, ANodeThatIsNoLayerIsNotTakenForTheNextOne) {
  const Graph source = as_in_the_file();
  Graph prepared = source;
  run_pipeline(prepared, standard_pipeline());
  const std::vector<std::string> layers{"act", "last"};
  EXPECT_EQ(find_layer("no_layer", source, prepared, layers), "");
  EXPECT_EQ(find_layer("nowhere", source, prepared, layers), "");
}

}  // namespace
}  // namespace hone
