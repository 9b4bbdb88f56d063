#include "compress/explain.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "compress/layer_matrix.h"
#include "compress/simulate.h"
#include "compress/watcher.h"
#include "measure/compare.h"
#include "ops/movement.h"
#include "ops/quantize.h"

namespace hone {

namespace {

struct MechanismRow {
  std::string_view name, fix;
};

constexpr std::array<MechanismRow, 12> kMechanisms = {{
    {"wrong input range", "check --scale, --mean and --std, and quantize anew with data as it will come"},
    {"clipped range", "calibrate with minmax or with more samples: hone quantize --calibrator minmax"},
    {"range too wide", "calibrate with mse or percentile: hone quantize --calibrator mse"},
    {"outlier channel", "scale the channels to like ranges: hone quantize --equalize, or --keep-float NODE"},
    {"weights of unlike channels under one scale",
     "scales per channel, hone quantize --equalize, or --keep-float NODE"},
    {"merged scales", "leave what reads them in float: hone quantize --keep-float NODE"},
    {"mixed units in an output", "leave the layer in float: hone quantize --keep-float NODE"},
    {"long tail", "leave what reads it in float: hone quantize --keep-float NODE"},
    {"clipped weights", "quantize the weights anew: hone quantize"},
    {"other weights", "the files are not of the same training: compare with the right float model"},
    {"other bias", "quantize anew; hone quantize --correct-bias"},
    {"coarse steps", "hone quantize --keep-float NODE"},
}};

struct Seen {
  float min = 0, max = 0;
  std::vector<float> channels;  ///< largest magnitude by last index
  double squares = 0;
  int64_t count = 0, beyond = 0;

  double rms() const { return std::sqrt(squares / static_cast<double>(std::max<int64_t>(count, 1))); }
  float largest() const { return std::max(max, -min); }
};

/// Roundings that are left out together.
struct Site {
  std::vector<ValueId> values;  ///< activations
  NodeId layer;                 ///< whose weights or bias
  bool is_bias = false;
};

float spread(std::vector<float> maxima) {
  std::erase_if(maxima, [](float v) { return !(v > 0); });
  if (maxima.size() < 2) return 1;
  std::sort(maxima.begin(), maxima.end());
  return maxima.back() / maxima[maxima.size() / 2];
}

/// "0.52" of a number as messages show it.
std::string number(double v) { return to_text(static_cast<float>(std::round(v * 1e4) / 1e4)); }

class Explainer {
 public:
  Explainer(const Graph& real, const Graph& rounded, const Evidence& evidence, const ExplainOptions& options)
      : real_(real), rounded_(rounded), evidence_(evidence) {
    for (const NodeId id : real_.order()) nodes_[real_.node(id).name] = id;
    for (size_t i = 0; i < real_.value_capacity(); ++i) {
      const ValueId id{static_cast<int32_t>(i)};
      if (real_.value(id).is_input || real_.producer(id)) values_[real_.value(id).name] = id;
    }
    const size_t total = evidence.samples().count, count = std::min(total, options.samples);
    for (size_t i = 0; i < count; ++i) inputs_.push_back(evidence.samples().inputs(i * total / count));
    Runner runner = evidence.engine().runner(real_);
    for (const auto& sample : inputs_) {
      std::vector<Tensor> own;
      for (const Tensor& t : runner.run(sample)) own.push_back(t.clone());
      expected_.push_back(std::move(own));
    }
  }

  Explanation run() {
    Explanation out{
        .sqnr_db = error(simulate(rounded_)), .culprits = {}, .samples = static_cast<int64_t>(inputs_.size())};
    const std::vector<Site> sites = find_sites(out.unmatched);
    out.places = static_cast<int64_t>(sites.size());
    if (sites.empty())
      throw invalid_argument("the second model has no quantized layer that the first one has by the same name");
    watch(sites);
    int64_t done = 0;
    for (const Site& site : sites) {
      const double gain = error(simulate(rounded_, exact_for(site))) - out.sqnr_db;
      if (gain >= 0.1) out.culprits.push_back(culprit(site, gain));
      if (evidence_.progress()) evidence_.progress()(++done, static_cast<int64_t>(sites.size()));
    }
    std::stable_sort(out.culprits.begin(), out.culprits.end(),
                     [](const Culprit& a, const Culprit& b) { return a.gain_db > b.gain_db; });
    return out;
  }

 private:
  /// Signal to noise of the outputs, dB, at most 200. Columns of the last axis count by themselves, by the root of
  /// their signal: so that units a thousand times larger do not hide the others, nor classes that are never seen count.
  double error(const Graph& graph) const {
    Runner runner = evidence_.engine().runner(graph);
    std::map<std::pair<size_t, size_t>, ErrorSums> columns;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const std::vector<Tensor> inputs = inputs_for(inputs_[i], real_, graph);
      const std::vector<Tensor>& outputs = runner.run(inputs);
      if (outputs.size() != expected_[i].size())
        throw invalid_argument(cat("the models have ", expected_[i].size(), " and ", outputs.size(), " outputs"));
      for (size_t o = 0; o < outputs.size(); ++o) add_columns(expected_[i][o], outputs[o], o, columns);
    }
    double lost = 0, weights = 0;
    for (const auto& [where, sums] : columns) {
      if (!(sums.signal > 0)) continue;
      lost += std::sqrt(sums.signal) * sums.noise / (sums.signal + sums.noise);
      weights += std::sqrt(sums.signal);
    }
    return lost > 0 ? std::min(10 * std::log10(weights / lost), 200.0) : 200;
  }

  static void add_columns(const Tensor& expected, const Tensor& actual, size_t output,
                          std::map<std::pair<size_t, size_t>, ErrorSums>& columns) {
    constexpr int64_t kMostColumns = 4096;
    const std::vector<double> a = to_doubles(expected), b = to_doubles(actual);
    if (a.size() != b.size()) throw invalid_argument(cat("output ", output, " has other sizes in the two models"));
    const int64_t last = expected.rank() > 0 ? expected.dim(expected.rank() - 1) : 1;
    const size_t count = last > 0 && last <= kMostColumns ? static_cast<size_t>(last) : 1;
    for (size_t i = 0; i < a.size(); ++i) columns[{output, i % count}].add(std::span(&a[i], 1), std::span(&b[i], 1));
  }

  /// The float model's value that `stored` is the integer form of.
  ValueId original(ValueId stored) const {
    const Value& value = rounded_.value(stored);
    const Node* maker = rounded_.producer(stored);
    if (maker && maker->is<Quantize>()) {
      const ValueId from = maker->inputs[0];
      if (rounded_.type(from).quant) return original(from);
      const auto named = values_.find(rounded_.value(from).name);
      return named == values_.end() ? ValueId{} : named->second;
    }
    if (maker)
      if (const auto node = nodes_.find(maker->name); node != nodes_.end())
        return real_.node(node->second).outputs[static_cast<size_t>(value.output_index)];
    if (const auto named = values_.find(value.name); named != values_.end()) return named->second;
    // Inputs and outputs stand in the same order, whatever they are called.
    for (const bool is_input : {true, false}) {
      const std::vector<ValueId>&own = is_input ? rounded_.inputs() : rounded_.outputs(),
            &others = is_input ? real_.inputs() : real_.outputs();
      const auto at = static_cast<size_t>(std::find(own.begin(), own.end(), stored) - own.begin());
      if (at < own.size() && at < others.size()) return others[at];
    }
    return {};
  }

  const Node* original_of(NodeId id) const {
    const auto found = nodes_.find(rounded_.node(id).name);
    return found == nodes_.end() ? nullptr : &real_.node(found->second);
  }

  std::vector<Site> find_sites(int64_t& unmatched) const {
    std::vector<int32_t> parent(rounded_.value_capacity());
    std::iota(parent.begin(), parent.end(), 0);
    const auto find = [&](int32_t i) {
      while (parent[static_cast<size_t>(i)] != i) i = parent[static_cast<size_t>(i)];
      return i;
    };
    for (const NodeId id : rounded_.order()) {
      const Node& node = rounded_.node(id);
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (node.def->quant.kind == QuantRule::kSameScale && node.def->is_tied(i) && node.inputs[i].exists() &&
            rounded_.type(node.inputs[i]).quant &&
            same_quant(rounded_.type(node.inputs[i]).quant, rounded_.type(node.outputs[0]).quant))
          parent[static_cast<size_t>(find(node.outputs[0].index))] = find(node.inputs[i].index);
    }
    std::map<int32_t, size_t> site_of;
    std::vector<Site> sites;
    const auto add = [&](ValueId v) {
      if (!rounded_.type(v).quant) return;
      if (!original(v).exists()) {
        ++unmatched;
        return;
      }
      const auto [at, is_new] = site_of.try_emplace(find(v.index), sites.size());
      if (is_new) sites.emplace_back();
      sites[at->second].values.push_back(v);
    };
    for (const ValueId in : rounded_.inputs()) add(in);
    for (const NodeId id : rounded_.order()) {
      const Node& node = rounded_.node(id);
      for (const ValueId out : node.outputs) add(out);
      if (!as_matrix(rounded_, id) || !rounded_.type(node.inputs[1]).quant) continue;
      const Node* from = original_of(id);
      if (!from || !real_.is_constant(from->input(1)) ||
          real_.value(from->inputs[1]).constant.dims() != rounded_.value(node.inputs[1]).constant.dims()) {
        ++unmatched;
        continue;
      }
      sites.push_back({{}, id, false});
      if (node.input(2).exists() && rounded_.is_constant(node.inputs[2])) sites.push_back({{}, id, true});
    }
    return sites;
  }

  Exact exact_for(const Site& site) const {
    Exact exact;
    for (const ValueId v : site.values) exact.values.insert(v.index);
    if (!site.layer.exists()) return exact;
    const Node& node = rounded_.node(site.layer);
    (site.is_bias ? exact.biases : exact.weights)[node.name] = original_constant(site);
    return exact;
  }

  /// Weights or bias of the float model.
  Tensor original_constant(const Site& site) const {
    const Node& from = *original_of(site.layer);
    if (!site.is_bias) return real_.value(from.inputs[1]).constant;
    if (from.input(2).exists() && real_.is_constant(from.inputs[2])) return real_.value(from.inputs[2]).constant;
    return Tensor::zeros(DType::kF32, rounded_.value(rounded_.node(site.layer).inputs[2]).constant.dims());
  }

  /// What the float model's values at the sites look like.
  void watch(const std::vector<Site>& sites) {
    std::map<std::string, QuantPtr> held;
    std::set<std::string> names;
    for (const Site& site : sites)
      for (const ValueId v : site.values)
        names.insert(real_.value(original(v)).name), held[real_.value(original(v)).name] = rounded_.type(v).quant,
                                                     dtype_ = rounded_.type(v).dtype;
    Watcher watcher(real_, names, evidence_.engine());
    for (const auto& sample : inputs_)
      for (const auto& [name, tensor] : watcher.run(sample)) add(seen_[name], tensor, *held[name]);
  }

  void add(Seen& seen, const Tensor& tensor, const QuantParams& quant) const {
    const auto [low, high] = range_of(quant);
    const size_t channels = tensor.rank() > 0 ? static_cast<size_t>(tensor.dim(tensor.rank() - 1)) : 1;
    seen.channels.resize(channels, 0);
    const auto data = tensor.data<float>();
    for (size_t i = 0; i < data.size(); ++i) {
      const float v = data[i];
      seen.min = std::min(seen.min, v), seen.max = std::max(seen.max, v);
      seen.channels[i % channels] = std::max(seen.channels[i % channels], std::fabs(v));
      seen.squares += double{v} * v;
      seen.beyond += v < low - quant.scale() || v > high + quant.scale();
    }
    seen.count += static_cast<int64_t>(data.size());
  }

  std::pair<float, float> range_of(const QuantParams& quant) const {
    const float low = static_cast<float>(min_of(dtype_)), high = static_cast<float>(max_of(dtype_));
    return {quant.scale() * (low - static_cast<float>(quant.zero_point())),
            quant.scale() * (high - static_cast<float>(quant.zero_point()))};
  }

  Culprit culprit(const Site& site, double gain) const {
    Culprit out{.gain_db = gain};
    if (site.layer.exists()) {
      const Node& node = rounded_.node(site.layer);
      out.node = node.name;
      out.op = std::string(node.def->name);
      out.layers = {node.name};
      judge_constant(site, out);
    } else {
      judge_activation(site, out);
      out.layers = readers_of(site);
      if (out.layers.empty()) out.layers = {out.node};
    }
    return out;
  }

  /// Layers that compute with the site's integers.
  std::vector<std::string> readers_of(const Site& site) const {
    std::vector<std::string> out;
    for (const ValueId v : site.values)
      for (const NodeId user : rounded_.value(v).users) {
        const Node& node = rounded_.node(user);
        if (node.def->quant.kind != QuantRule::kOwnRange) continue;
        if (std::find(out.begin(), out.end(), node.name) == out.end()) out.push_back(node.name);
      }
    return out;
  }

  void judge_constant(const Site& site, Culprit& out) const {
    const Node& node = rounded_.node(site.layer);
    const Tensor& stored = rounded_.value(node.inputs[site.is_bias ? 2 : 1]).constant;
    const Tensor wanted = original_constant(site), held = stored.quant() ? dequantize(stored) : stored;
    const auto w = wanted.data<float>(), h = held.data<float>();
    const size_t rows = static_cast<size_t>(stored.dim(0)), size = w.size() / rows;
    std::vector<float> maxima(rows, 0);
    float worst = 0, most = 0;
    size_t clipped = 0, off = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      const float scale = stored.quant() ? stored.quant()->scale(static_cast<int64_t>(i / size)) : 0;
      const float error = std::fabs(w[i] - h[i]);
      maxima[i / size] = std::max(maxima[i / size], std::fabs(w[i]));
      most = std::max(most, std::fabs(w[i]));
      worst = std::max(worst, error);
      const bool is_off = error > 0.75f * scale + 1e-6f * std::fabs(w[i]);
      off += is_off;
      clipped += is_off && std::fabs(h[i]) >= 126.5f * scale && std::fabs(w[i]) > std::fabs(h[i]);
    }
    if (site.is_bias) {
      out.mechanism = Mechanism::kOtherBias;
      out.evidence = cat("differs by up to ", number(worst), " where the largest is ", number(most));
    } else if (clipped > 0 && 2 * clipped >= off) {
      out.mechanism = Mechanism::kClippedWeights;
      out.evidence = cat(clipped, " of ", w.size(), " weights lie beyond their integers, by up to ", number(worst));
    } else if (off > 0) {
      out.mechanism = Mechanism::kOtherWeights;
      out.evidence = cat(off, " of ", w.size(), " weights differ by more than a step, by up to ", number(worst));
    } else if (stored.quant()->is_per_tensor() && spread(maxima) > 4) {
      out.mechanism = Mechanism::kUnlikeWeights;
      out.evidence = cat("the largest channel is ", number(spread(maxima)), " times the median one");
    } else {
      out.mechanism = Mechanism::kRounding;
      out.evidence = cat("weights round by up to ", number(worst));
    }
  }

  void judge_activation(const Site& site, Culprit& out) const {
    const Node* join = nullptr;
    float smallest = INFINITY;
    const Seen* whole = nullptr;
    for (const ValueId v : site.values) {
      const Seen& seen = seen_.at(real_.value(original(v)).name);
      smallest = std::min(smallest, seen.largest());
      if (!whole || seen.largest() > whole->largest()) whole = &seen;
      const Node* maker = rounded_.producer(v);
      if (maker && maker->is<Concat>()) join = maker;
    }
    const ValueId first = site.values.front();
    const Node* maker = rounded_.producer(first);
    const ValueId real = original(first);
    const bool is_input = real_.value(real).is_input;
    out.node = is_input ? real_.value(real).name : maker->name;
    out.op = is_input ? "input" : std::string(maker->def->name);
    const auto [low, high] = range_of(*rounded_.type(first).quant);
    const std::string ranges = cat("numbers ", number(whole->min), "…", number(whole->max), ", integers cover ",
                                   number(low), "…", number(high));
    const double clipped = static_cast<double>(whole->beyond) / static_cast<double>(std::max<int64_t>(whole->count, 1));
    const bool is_wide = high - low > 4 * std::max(whole->max - whole->min, 1e-30f);
    out.evidence = ranges;
    if (is_input && (clipped > 0.01 || is_wide)) {
      out.mechanism = Mechanism::kInputRange;
    } else if (clipped > 0.002) {
      out.mechanism = Mechanism::kClippedRange;
      out.evidence = cat(ranges, ": ", number(100 * clipped), " % clipped");
    } else if (is_wide) {
      out.mechanism = Mechanism::kWideRange;
    } else if (join && smallest < whole->largest() / 4) {
      out.node = join->name;
      out.op = std::string(join->def->name);
      out.mechanism = Mechanism::kMergedScales;
      out.evidence = cat("parts reach ", number(smallest), " and ", number(whole->largest()), " under one scale");
    } else if (spread(whole->channels) > 6) {
      out.mechanism = leaves(site) ? Mechanism::kMixedUnits : Mechanism::kOutlierChannel;
      out.evidence = cat("the largest of ", whole->channels.size(), " channels is ", number(spread(whole->channels)),
                         " times the median one");
    } else if (whole->largest() > 12 * whole->rms()) {
      out.mechanism = Mechanism::kTail;
      out.evidence = cat("the largest number is ", number(whole->largest() / whole->rms()), " times the usual one");
    } else {
      out.mechanism = Mechanism::kRounding;
    }
  }

  /// Whether the site's numbers go to an output and nowhere else.
  bool leaves(const Site& site) const {
    for (const ValueId v : site.values) {
      const ValueId real = original(v);
      if (real_.is_output(real)) return true;
    }
    return false;
  }

  const Graph& real_;
  const Graph& rounded_;
  const Evidence& evidence_;
  std::map<std::string, NodeId> nodes_;
  std::map<std::string, ValueId> values_;
  std::vector<std::vector<Tensor>> inputs_, expected_;
  std::map<std::string, Seen> seen_;
  DType dtype_ = DType::kI8;
};

}  // namespace

std::string_view to_string(Mechanism mechanism) { return kMechanisms[static_cast<size_t>(mechanism)].name; }
std::string_view fix_for(Mechanism mechanism) { return kMechanisms[static_cast<size_t>(mechanism)].fix; }

Recipe fixed_recipe(const Explanation& found, const Graph& real, const std::string& calibrator) {
  constexpr size_t kMost = 4;
  std::set<std::string> nodes;
  for (const NodeId id : real.order()) nodes.insert(real.node(id).name);
  Int8 step{.calibrator = calibrator};
  bool is_unequal = false;
  for (size_t i = 0; i < std::min(found.culprits.size(), kMost) && found.culprits[i].gain_db >= 1; ++i) {
    const Culprit& c = found.culprits[i];
    const Mechanism m = c.mechanism;
    is_unequal |= m == Mechanism::kOutlierChannel || m == Mechanism::kUnlikeWeights;
    if (m == Mechanism::kClippedRange) step.calibrator = "minmax";
    const bool is_layer = m == Mechanism::kMergedScales || m == Mechanism::kMixedUnits || m == Mechanism::kTail ||
                          m == Mechanism::kRounding;
    for (const std::string& layer : c.layers)
      if (is_layer && nodes.count(layer) &&
          std::find(step.keep_float.begin(), step.keep_float.end(), layer) == step.keep_float.end())
        step.keep_float.push_back(layer);
  }
  Recipe recipe;
  if (is_unequal) recipe.steps.push_back(Attrs::of(Equalize{}));
  recipe.steps.push_back(Attrs::of(std::move(step)));
  return recipe;
}

Explanation explain(const Graph& real, const Graph& rounded, const Evidence& evidence, const ExplainOptions& options) {
  if (evidence.is_empty()) throw invalid_argument("explaining needs representative data", "add --data DIR");
  return Explainer(real, rounded, evidence, options).run();
}

}  // namespace hone
