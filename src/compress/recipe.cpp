#include "compress/recipe.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "compress/bias_correction.h"
#include "compress/dequantize.h"
#include "compress/equalize.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "compress/quantize_aware.h"
#include "compress/rounding.h"
#include "compress/sparsify.h"
#include "compress/taught.h"

namespace hone {

namespace {

std::string int8_label(const Attrs& step) {
  const Int8& t = step.as<Int8>();
  const size_t kept = t.keep_float.size();
  std::string out = cat("int8 (", t.calibrator, ")");
  if (t.weight_bits != 8) out += cat(", ", t.weight_bits, "-bit weights");
  if (t.rounding == Rounding::compensated) out += ", compensated";
  if (t.levels > 0) out += cat(", ", t.levels, " levels");
  if (t.rounding == Rounding::trained) out += cat(", trained for ", t.epochs, t.epochs == 1 ? " epoch" : " epochs");
  if (kept > 0) out += cat(", ", kept, kept == 1 ? " layer" : " layers", " in float");
  return t.integer_io ? cat(out, ", integer inputs and outputs") : out;
}

Graph apply_int8(const Attrs& step, const StepInput& input) {
  const Int8& t = step.as<Int8>();
  QuantizeOptions options{.keep_float = {t.keep_float.begin(), t.keep_float.end()},
                          .weight_bits = static_cast<int>(t.weight_bits),
                          .quantize_io = t.integer_io};
  const bool is_grid = t.levels >= 2 && t.levels <= 255 && t.weight_bits == 8 && t.rounding == Rounding::compensated;
  if (t.levels != 0 && !is_grid)
    throw invalid_argument(
        cat("levels ", t.levels, ": expected 2 to 255, of 8-bit weights whose rounding is compensated"));
  if (t.rounding == Rounding::compensated)
    options.rounded = compensated_weights(input.graph, input.evidence, options.weight_bits, t.levels);
  const Ranges ranges = to_ranges(input.statistics(), find_calibrator(t.calibrator));
  if (t.rounding == Rounding::trained) return quantize_aware(input.graph, ranges, options, input.evidence, t.epochs);
  Graph out = quantize_static(input.graph, ranges, options);
  // Compensation leaves the means to the biases.
  return t.rounding == Rounding::compensated ? correct_bias(out, input.graph, input.evidence) : out;
}

bool is_int8(const Recipe& recipe) { return recipe.kind() == Int8::kName; }

/// int8 by itself, each weight rounded to the nearest of 8 bits.
bool is_plain_int8(const Recipe& recipe) {
  if (recipe.steps.size() != 1 || !is_int8(recipe)) return false;
  const Int8& t = recipe.steps[0].as<Int8>();
  return t.weight_bits == 8 && t.rounding == Rounding::nearest;
}

/// The best attempt with all layers in integers of 8 bits that `counts`; null when there is none.
template <class Counts>
const Attempt* best_int8(const SearchGround& ground, const Counts& counts) {
  const Attempt* best = nullptr;
  for (const Attempt& a : ground.attempts) {
    if (!counts(a.recipe) || !a.recipe.float_layers().empty()) continue;
    if (best == nullptr || (ground.is_higher_better ? a.value > best->value : a.value < best->value)) best = &a;
  }
  return best;
}

bool was_tried(const SearchGround& ground, const Recipe& recipe) {
  return std::any_of(ground.attempts.begin(), ground.attempts.end(),
                     [&](const Attempt& a) { return a.recipe == recipe; });
}

/// With the ranges of the best calibrator the k most sensitive layers in float, k doubling: two steps to show the
/// trade, more while the budget is broken, at most half of the layers.
std::optional<Recipe> next_mixed(const SearchGround& ground, const Attempt& best) {
  bool is_inside = best.is_allowed;
  size_t most_kept = 0;
  for (const Attempt& a : ground.attempts) {
    if (!is_plain_int8(a.recipe)) continue;
    const size_t kept = a.recipe.float_layers().size();
    most_kept = std::max(most_kept, kept);
    is_inside |= a.is_allowed && kept > 0;
  }
  const std::string calibrator = best.recipe.steps.back().as<Int8>().calibrator;
  const std::span<const std::string> layers = ground.sensitive_layers(calibrator);
  const size_t k = std::max<size_t>(2 * most_kept, 1);
  if (k > std::max<size_t>(layers.size() / 2, 1) || k >= layers.size() || (k > 2 && is_inside)) return std::nullopt;
  return Recipe::of(
      Int8{.calibrator = calibrator, .keep_float = {layers.begin(), layers.begin() + static_cast<int64_t>(k)}});
}

/// Every calibrator; with the best of them weights of 4 bits where the smallest file is wanted, and rounding that makes
/// up for its errors where the nearest loses; then mixed precision.
std::optional<Recipe> next_int8(const SearchGround& ground) {
  const int64_t tried = std::count_if(ground.attempts.begin(), ground.attempts.end(),
                                      [](const Attempt& a) { return is_plain_int8(a.recipe); });
  if (tried < static_cast<int64_t>(ground.calibrators.size()))
    return Recipe::of(Int8{.calibrator = ground.calibrators[static_cast<size_t>(tried)]});
  const Attempt* best = best_int8(ground, is_plain_int8);
  if (best == nullptr) return std::nullopt;
  Int8 refined = best->recipe.steps.back().as<Int8>();
  refined.rounding = Rounding::compensated;
  if (best->is_loss && !was_tried(ground, Recipe::of(refined))) return Recipe::of(refined);
  refined.weight_bits = 4;
  if (ground.is_size_wanted && !was_tried(ground, Recipe::of(refined))) return Recipe::of(refined);
  return ground.mixed ? next_mixed(ground, *best) : std::nullopt;
}

/// Each share that was asked for, before the best int8, or in float when there is none.
std::optional<Recipe> next_pruned(const SearchGround& ground) {
  const Attempt* best = best_int8(ground, is_plain_int8);
  for (const double macs : ground.prune) {
    Recipe recipe = Recipe::of(Prune{.macs = static_cast<float>(macs)});
    if (best != nullptr) recipe.steps.push_back(best->recipe.steps.back());
    if (!was_tried(ground, recipe)) return recipe;
  }
  return std::nullopt;
}

const Attempt* find_attempt(const SearchGround& ground, const Recipe& recipe) {
  for (const Attempt& a : ground.attempts)
    if (a.recipe == recipe) return &a;
  return nullptr;
}

/// What is left of the time for training.
double seconds_left(const SearchGround& ground) {
  double left = ground.recover_seconds;
  for (const Attempt& a : ground.attempts)
    if (a.recipe.trains()) left -= a.seconds;
  return left;
}

/// A recipe that trains for so many epochs, beside what it is without.
struct Training {
  Recipe without;
  std::function<Recipe(int64_t epochs)> with;

  /// How far it was tried: four epochs, eight … while each paid.
  struct Tried {
    const Attempt* best = nullptr;  ///< the last that paid
    int64_t next = 4;               ///< epochs; 0: the last did not pay
    double seconds = 0;             ///< that those will take
  };
  Tried tried(const SearchGround& ground) const {
    Tried out;
    const Attempt* last = find_attempt(ground, without);
    while (const Attempt* a = last ? find_attempt(ground, with(out.next)) : nullptr) {
      const bool pays = ground.is_higher_better ? a->value > last->value : a->value < last->value;
      if (!pays) return {out.best, 0, 0};
      out = {a, 2 * out.next, 2 * a->seconds};
      last = a;
    }
    if (last == nullptr || !last->is_loss) out.next = 0;
    return out;
  }

  std::optional<Recipe> next(const SearchGround& ground) const {
    const Tried so_far = tried(ground);
    const double left = seconds_left(ground);
    if (so_far.next == 0 || left <= 0 || so_far.seconds > left) return std::nullopt;
    return with(so_far.next);
  }
};

/// `without` with its int8 trained; biases are not corrected behind it, they learn.
Training trained_int8(const Recipe& without) {
  Recipe base = without;
  while (base.kind() != Int8::kName) base.steps.pop_back();
  return {without, [base](int64_t epochs) {
            Recipe recipe = base;
            Int8 last = recipe.steps.back().as<Int8>();
            last.rounding = Rounding::trained;
            last.epochs = epochs;
            recipe.steps.back() = Attrs::of(std::move(last));
            return recipe;
          }};
}

/// Channels removed, trained back, then the steps of `rest`.
Training recovered(double macs, const Recipe& rest) {
  const auto with = [rest](std::initializer_list<Attrs> first) {
    Recipe recipe{first};
    recipe.steps.insert(recipe.steps.end(), rest.steps.begin(), rest.steps.end());
    return recipe;
  };
  const Attrs prune = Attrs::of(Prune{.macs = static_cast<float>(macs)});
  return {with({prune}), [=](int64_t epochs) { return with({prune, Attrs::of(Recover{.epochs = epochs})}); }};
}

/// int8 of any making, without training, on the whole model.
bool is_untrained_int8(const Recipe& recipe) {
  const bool is_whole = recipe.steps.empty() || recipe.steps.front().type().op_name != Prune::kName;
  const auto int8 = std::find_if(recipe.steps.begin(), recipe.steps.end(),
                                 [](const Attrs& s) { return s.type().op_name == Int8::kName; });
  return is_whole && int8 != recipe.steps.end() && int8->as<Int8>().weight_bits == 8 && !recipe.trains();
}

/// The best int8 trained against its rounding; each share of channels that was asked for recovered before that int8,
/// then with its rounding trained too. As long as the time lasts.
std::optional<Recipe> next_recovered(const SearchGround& ground) {
  if (ground.recover_seconds <= 0) return std::nullopt;
  const Attempt* int8 = best_int8(ground, is_untrained_int8);
  if (int8 != nullptr)
    if (auto recipe = trained_int8(int8->recipe).next(ground)) return recipe;
  for (const double macs : ground.prune) {
    const Training pruned = recovered(macs, int8 ? int8->recipe : Recipe());
    if (!was_tried(ground, pruned.without)) return pruned.without;
    if (auto recipe = pruned.next(ground)) return recipe;
    const Attempt* best = pruned.tried(ground).best;
    if (best != nullptr && int8 != nullptr)
      if (auto recipe = trained_int8(best->recipe).next(ground)) return recipe;
  }
  return std::nullopt;
}

/// Once, before the best int8 when that loses.
std::optional<Recipe> next_equalized(const SearchGround& ground) {
  const Attempt* best = best_int8(ground, is_plain_int8);
  if (best == nullptr || !best->is_loss) return std::nullopt;
  const Recipe recipe{{Attrs::of(Equalize{}), best->recipe.steps.back()}};
  return was_tried(ground, recipe) ? std::nullopt : std::optional(recipe);
}

/// Once, behind the best int8 of any making when that loses.
std::optional<Recipe> next_corrected(const SearchGround& ground) {
  for (const Attempt& a : ground.attempts)
    if (a.recipe.kind() == CorrectBias::kName) return std::nullopt;
  const Attempt* best =
      best_int8(ground, [](const Recipe& r) { return is_int8(r) && r.steps.back().as<Int8>().weight_bits == 8; });
  if (best == nullptr || !best->is_loss) return std::nullopt;
  Recipe recipe = best->recipe;
  recipe.steps.push_back(Attrs::of(CorrectBias{}));
  return recipe;
}

/// Tried once.
template <class T>
std::optional<Recipe> next_once(const SearchGround& ground) {
  for (const Attempt& a : ground.attempts)
    if (a.recipe.kind() == T::kName) return std::nullopt;
  return Recipe::of(T{});
}

constexpr TransformRow kTransforms[] = {
    {.type = &attr_type<FloatWeights>(),
     .about = "integer weights behind float arithmetic as the real numbers they stand for",
     .label = [](const Attrs&) -> std::string { return "float weights"; },
     .apply = [](const Attrs&, const StepInput& in) { return with_float_weights(in.graph); },
     .next = nullptr},
    {.type = &attr_type<Float16Weights>(),
     .about = "float constants as f16; what f16 cannot hold stays",
     .paper = "IEEE 754-2008 binary16",
     .label = [](const Attrs&) -> std::string { return "float16 weights"; },
     .apply = [](const Attrs&, const StepInput& in) { return to_float16(in.graph); },
     .next = next_once<Float16Weights>},
    {.type = &attr_type<DynamicRange>(),
     .about = "weights of 1024 elements or more as symmetric int8, activations in float",
     .paper = "TensorFlow Lite, post-training dynamic range quantization",
     .label = [](const Attrs&) -> std::string { return "dynamic range"; },
     .apply = [](const Attrs&, const StepInput& in) { return quantize_dynamic_range(in.graph); },
     .next = next_once<DynamicRange>},
    {.type = &attr_type<Int8>(),
     .about = "weights per channel and activations per tensor as int8, sensitive layers in float",
     .paper = "Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only "
              "Inference, 2018",
     .needs_data = true,
     .cost = 4,
     .label = int8_label,
     .apply = apply_int8,
     .next = next_int8},
    {.type = &attr_type<Equalize>(),
     .about = "channels between layers scaled to like ranges, the function unchanged",
     .paper = "Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019, section 4.1",
     .needs_data = true,
     .cost = 2,
     .label = [](const Attrs&) -> std::string { return "equalized"; },
     .apply = [](const Attrs&, const StepInput& in) { return equalize(in.graph, in.evidence); },
     .next = next_equalized},
    {.type = &attr_type<CorrectBias>(),
     .about = "biases of integer layers take back what rounding did to the means",
     .paper = "Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019, section 4.2",
     .needs_data = true,
     .cost = 2,
     .label = [](const Attrs&) -> std::string { return "biases corrected"; },
     .apply = [](const Attrs&, const StepInput& in) { return correct_bias(in.graph, in.before, in.evidence); },
     .next = next_corrected},
    {.type = &attr_type<Prune>(),
     .about = "channels removed until a share of the multiply-accumulates is left, the rest refitted on the data",
     .paper =
         "Kurtic et al., ZipLM: Inference-Aware Structured Pruning, 2023; He et al., Channel Pruning for Accelerating "
         "Very Deep Neural Networks, 2017",
     .needs_data = true,
     .cost = 20,
     .label = [](const Attrs& a) { return cat("pruned to ", std::lround(100 * a.as<Prune>().macs), " % MACs"); },
     .apply = [](const Attrs& a,
                 const StepInput& in) { return prune(in.graph, in.evidence, {.macs = a.as<Prune>().macs}).graph; },
     .next = next_pruned},
    {.type = &attr_type<Sparsify>(),
     .about = "of every m weights along the input channels n stay, the others make up for the rest",
     .paper = "Frantar and Alistarh, SparseGPT: Massive Language Models Can Be Accurately Pruned in One-Shot, 2023",
     .needs_data = true,
     .cost = 10,
     .label = [](const Attrs& a) { return cat(a.as<Sparsify>().n, ":", a.as<Sparsify>().m, " sparse"); },
     .apply =
         [](const Attrs& a, const StepInput& in) {
           return sparsify(in.graph, in.evidence, {.n = a.as<Sparsify>().n, .m = a.as<Sparsify>().m});
         },
     .next = nullptr},
    {.type = &attr_type<Recover>(),
     .about = "weights trained to answer as the model did before the last step",
     .paper = "Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015",
     .needs_data = true,
     .cost = 50,
     .label = [](const Attrs& a) { return cat("recovered in ", a.as<Recover>().epochs, " epochs"); },
     .apply = [](const Attrs& a,
                 const StepInput& in) { return taught(in.graph, in.before, in.evidence, a.as<Recover>().epochs); },
     .next = next_recovered},
};

const TransformRow& row_of(std::string_view name) {
  std::vector<std::string> names;
  for (const TransformRow& row : kTransforms) {
    if (row.type->op_name == name) return row;
    names.emplace_back(row.type->op_name);
  }
  throw invalid_argument(cat("no transform is called '", name, "', there are: ", join(names, ", ")));
}

/// "a=1, b=[2, 3], c=\"x, y\"" cut at the commas that stand outside of brackets and quotes.
std::vector<std::string> split_fields(std::string_view text) {
  std::vector<std::string> out(1);
  int depth = 0;
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && (i == 0 || text[i - 1] != '\\')) is_quoted = !is_quoted;
    if (!is_quoted) depth += (c == '[') - (c == ']');
    if (c == ',' && depth == 0 && !is_quoted)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

Attrs parse_step(std::string_view text) {
  text = trim(text);
  const size_t brace = text.find('{');
  const std::string_view name = trim(text.substr(0, brace));
  const AttrType& type = *row_of(name).type;
  const std::shared_ptr<void> value = type.create();
  if (brace == std::string_view::npos) return Attrs(type, value);
  if (!text.ends_with('}')) throw invalid_argument(cat("recipe step '", text, "': expected } at its end"));
  for (const std::string& field : split_fields(text.substr(brace + 1, text.size() - brace - 2))) {
    if (trim(field).empty()) continue;
    const size_t equals = field.find('=');
    const std::string_view key = trim(std::string_view(field).substr(0, equals));
    const auto info =
        std::find_if(type.fields.begin(), type.fields.end(), [&](const FieldInfo& f) { return f.name == key; });
    if (equals == std::string::npos || info == type.fields.end())
      throw invalid_argument(cat("recipe: ", name, " has no field '", key, "'"));
    set_from_text(*info, value.get(), trim(std::string_view(field).substr(equals + 1)));
  }
  return Attrs(type, value);
}

/// Cuts at `|` outside of quotes.
std::vector<std::string> split_steps(std::string_view text) {
  std::vector<std::string> out(1);
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' && (i == 0 || text[i - 1] != '\\')) is_quoted = !is_quoted;
    if (text[i] == '|' && !is_quoted)
      out.emplace_back();
    else
      out.back() += text[i];
  }
  return out;
}

}  // namespace

std::span<const TransformRow> all_transforms() { return kTransforms; }

std::string Recipe::label() const {
  std::vector<std::string> labels;
  for (const Attrs& step : steps) labels.push_back(row_of(step.type().op_name).label(step));
  return labels.empty() ? "as given" : join(labels, ", ");
}

std::string Recipe::id() const {
  std::string out;
  for (const char c : label()) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (is_plain)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

std::string Recipe::kind() const { return steps.empty() ? "given" : std::string(steps.back().type().op_name); }

std::vector<std::string> Recipe::float_layers() const {
  std::vector<std::string> out;
  for (const Attrs& step : steps)
    if (step.type().op_name == Int8::kName)
      out.insert(out.end(), step.as<Int8>().keep_float.begin(), step.as<Int8>().keep_float.end());
  return out;
}

bool Recipe::needs_data() const {
  return std::any_of(steps.begin(), steps.end(), [](const Attrs& s) { return row_of(s.type().op_name).needs_data; });
}

bool Recipe::trains() const {
  return std::any_of(steps.begin(), steps.end(), [](const Attrs& s) {
    return s.type().op_name == Recover::kName ||
           (s.type().op_name == Int8::kName && s.as<Int8>().rounding == Rounding::trained);
  });
}

bool operator==(const Recipe& a, const Recipe& b) {
  return std::equal(a.steps.begin(), a.steps.end(), b.steps.begin(), b.steps.end(),
                    [](const Attrs& x, const Attrs& y) { return equal(x, y); });
}

std::string to_text(const Recipe& recipe) {
  std::vector<std::string> steps;
  for (const Attrs& step : recipe.steps) {
    const std::string fields = to_text(step);
    steps.push_back(fields.empty() ? std::string(step.type().op_name) : cat(step.type().op_name, " ", fields));
  }
  return join(steps, " | ");
}

Recipe parse_recipe(std::string_view text) {
  Recipe recipe;
  if (trim(text).empty()) return recipe;
  for (const std::string& step : split_steps(text)) recipe.steps.push_back(parse_step(step));
  return recipe;
}

Graph apply(const Recipe& recipe, const Graph& graph, const Evidence& evidence) {
  Graph before = graph, out = graph;
  Recipe done;
  for (const Attrs& step : recipe.steps) {
    const TransformRow& row = row_of(step.type().op_name);
    if (row.needs_data && evidence.is_empty())
      throw invalid_argument(cat(row.type->op_name, " needs representative data"), "add --data DIR");
    Graph made = row.apply(step, {out, before, to_text(done), evidence});
    before = std::exchange(out, std::move(made));
    done.steps.push_back(step);
  }
  return out;
}

}  // namespace hone
