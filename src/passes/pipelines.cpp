#include "passes/pipelines.h"

#include <initializer_list>
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

Pipeline in_a_row(std::string_view name, std::initializer_list<const Pipeline*> parts) {
  Pipeline result{name, {}};
  for (const Pipeline* part : parts)
    result.passes.insert(result.passes.end(), part->passes.begin(), part->passes.end());
  return result;
}

Pass simplify_rules() { return {.name = "drop", .rules = joined({identity_rules(), shape_rules(), control_rules()})}; }

}  // namespace

const Pipeline& simplify_pipeline() {
  static const Pipeline kPipeline{
      "simplify",
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
  return kPipeline;
}

const Pipeline& canonical_pipeline() {
  static const Pipeline kPipeline{"canonical",
                                  {
                                      // Patterns are found by equal operands: equal nodes must be one.
                                      {.name = "merge_equal", .run = merge_equal},
                                      {.name = "canonical",
                                       .rules = joined({identity_rules(), shape_rules(), arithmetic_rules(),
                                                        norm_rules(), activation_rules(), linear_rules()})},
                                      {.name = "fold_constants", .run = fold_constants},
                                      {.name = "merge_equal", .run = merge_equal},
                                  }};
  return kPipeline;
}

const Pipeline& fuse_pipeline() {
  static const Pipeline kPipeline{
      "fuse",
      {
          // Scales before activations: a factor cannot pass a clamp. Padding is independent of both.
          {.name = "fuse_scales", .rules = scale_rules()},
          {.name = "fuse_pads", .rules = pad_rules()},
          {.name = "fuse_activations", .rules = act_rules()},
          // Last: only what was fused stands directly between Dequantize and Quantize.
          {.name = "integers", .rules = integer_rules()},
      }};
  return kPipeline;
}

const Pipeline& layout_pipeline() {
  static const Pipeline kPipeline{
      "layout",
      {
          // One decision for the whole graph; local rules only tidy up after it.
          {.name = "cancel_transposes", .run = cancel_transposes},
          {.name = "tidy_layout", .rules = joined({identity_rules(), shape_rules(), layout_rules()})},
          {.name = "fold_constants", .run = fold_constants},
          {.name = "merge_equal", .run = merge_equal},
      }};
  return kPipeline;
}

const Pipeline& expand_pipeline() {
  static const Pipeline kPipeline{
      "expand",
      {
          // To a fixed point: what one rule makes another may have to say more simply.
          {.name = "expand",
           .rules = joined({recurrent_expansions(), window_expansions(), resize_expansions(), element_expansions(),
                            function_expansions(), index_expansions()})},
      }};
  return kPipeline;
}

const Pipeline& standard_pipeline() {
  // The second layout: what BatchNorm has become may be moved where BatchNorm could not.
  static const Pipeline kPipeline =
      in_a_row("standard", {&simplify_pipeline(), &canonical_pipeline(), &layout_pipeline(), &fuse_pipeline(),
                            &layout_pipeline(), &simplify_pipeline()});
  return kPipeline;
}

const Pipeline& find_pipeline(std::string_view name) {
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
