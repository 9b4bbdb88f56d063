#include "passes/pipelines.h"

#include <iterator>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "passes/canonical.h"
#include "passes/expand.h"
#include "passes/fuse.h"
#include "passes/integers.h"
#include "passes/layout.h"
#include "passes/simplify.h"

namespace hone {
namespace {

std::vector<Rule> joined(std::initializer_list<std::vector<Rule>> lists) {
  std::vector<Rule> result;
  for (const std::vector<Rule>& list : lists) result.insert(result.end(), list.begin(), list.end());
  return result;
}

void append(Pipeline& pipeline, Pipeline part) {
  pipeline.passes.insert(pipeline.passes.end(), std::make_move_iterator(part.passes.begin()),
                         std::make_move_iterator(part.passes.end()));
}

Pass simplify_rules() { return {.name = "drop", .rules = joined({identity_rules(), shape_rules(), control_rules()})}; }

}  // namespace

Pipeline simplify_pipeline() {
  return {"simplify",
          {
              // What nobody needs is not worth a look.
              {.name = "remove_dead", .run = remove_dead_nodes},
              // Shape arithmetic first: constant arguments are what most other rules wait for.
              {.name = "resolve_shapes", .run = resolve_shapes},
              {.name = "fold_constants", .run = fold_constants},
              simplify_rules(),
              // Folded conditions and arguments make more shapes known, and those more arguments.
              {.name = "resolve_shapes", .run = resolve_shapes},
              {.name = "fold_constants", .run = fold_constants},
              {.name = "merge_equal", .run = merge_equal},
              simplify_rules(),
          }};
}

Pipeline canonical_pipeline() {
  return {"canonical",
          {
              // Patterns are found by equal operands: equal nodes must be one.
              {.name = "merge_equal", .run = merge_equal},
              {.name = "canonical",
               .rules = joined({identity_rules(), shape_rules(), arithmetic_rules(), norm_rules(), activation_rules(),
                                linear_rules()})},
              {.name = "fold_constants", .run = fold_constants},
              {.name = "merge_equal", .run = merge_equal},
          }};
}

Pipeline fuse_pipeline() {
  return {"fuse",
          {
              // Scales before activations: a factor cannot pass a clamp. Padding is independent of both.
              {.name = "fuse_scales", .rules = scale_rules()},
              {.name = "fuse_pads", .rules = pad_rules()},
              {.name = "fuse_activations", .rules = act_rules()},
              // Last: only what was fused stands directly between Dequantize and Quantize.
              {.name = "integers", .rules = integer_rules()},
          }};
}

Pipeline layout_pipeline() {
  return {"layout",
          {
              // One decision for the whole graph; local rules only tidy up after it.
              {.name = "cancel_transposes", .run = cancel_transposes},
              {.name = "tidy_layout", .rules = joined({identity_rules(), shape_rules(), layout_rules()})},
              {.name = "fold_constants", .run = fold_constants},
              {.name = "merge_equal", .run = merge_equal},
          }};
}

Pipeline expand_pipeline() {
  return {"expand",
          {
              // To a fixed point: what one rule makes another may have to say more simply.
              {.name = "expand",
               .rules = joined({recurrent_expansions(), window_expansions(), resize_expansions(), element_expansions(),
                                function_expansions(), index_expansions()})},
          }};
}

Pipeline standard_pipeline() {
  Pipeline result{"standard", {}};
  append(result, simplify_pipeline());
  append(result, canonical_pipeline());
  append(result, layout_pipeline());
  append(result, fuse_pipeline());
  // What BatchNorm has become may be moved where BatchNorm could not.
  append(result, layout_pipeline());
  append(result, simplify_pipeline());
  return result;
}

Pipeline find_pipeline(std::string_view name) {
  if (name == "simplify") return simplify_pipeline();
  if (name == "canonical") return canonical_pipeline();
  if (name == "fuse") return fuse_pipeline();
  if (name == "layout") return layout_pipeline();
  if (name == "expand") return expand_pipeline();
  if (name == "standard") return standard_pipeline();
  const std::vector<std::string> names{"simplify", "canonical", "fuse", "layout", "expand", "standard"};
  const std::string near = nearest(name, names);
  throw not_found(cat("no pipeline is called '", name, "'"),
                  near.empty() ? cat("pipelines: ", join(names, ", ")) : cat("did you mean '", near, "'?"));
}

}  // namespace hone
