#include "formats/tflite/conforms.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/runtime_rules.h"
#include "formats/tflite/types.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;
constexpr const char* kRuntime = "tflite 2.9";

bool has_quant(const fb::TensorT& t) { return t.quantization && !t.quantization->scale.empty(); }
bool is_per_channel(const fb::TensorT& t) { return has_quant(t) && t.quantization->scale.size() > 1; }
int64_t zero_point(const fb::TensorT& t) {
  return has_quant(t) && !t.quantization->zero_point.empty() ? t.quantization->zero_point[0] : 0;
}

/// The letter of a tensor's type in the forms of a rule.
char letter_of(const fb::TensorT& t) {
  struct Letter {
    fb::TensorType type;
    char plain, quantized;
  };
  using T = fb::TensorType;
  constexpr Letter kLetters[] = {
      {T::FLOAT32, 'f', 'f'}, {T::FLOAT16, 'h', 'h'}, {T::FLOAT64, 'd', 'd'}, {T::INT32, 'i', 'q'},
      {T::INT64, 'l', 'l'},   {T::UINT32, 'j', 'j'},  {T::BOOL, 't', 't'},    {T::COMPLEX64, 'c', 'c'},
      {T::INT8, 'B', 'b'},    {T::UINT8, 'U', 'u'},   {T::INT16, 'S', 's'},   {T::RESOURCE, 'r', 'r'},
  };
  for (const Letter& l : kLetters)
    if (l.type == t.type) return has_quant(t) ? l.quantized : l.plain;
  return '!';
}

/// Whether `letters` are what `pattern` names.
bool matches(std::string_view pattern, std::string_view letters) {
  if (pattern.empty()) return letters.empty();
  const auto fits = [&](char c) {
    constexpr std::string_view kPlain = "filtcBUS";
    return pattern[0] == '_' || pattern[0] == c || (pattern[0] == 'i' && c == 'q') ||
           (pattern[0] == '#' && kPlain.find(c) != std::string_view::npos);
  };
  if (pattern.size() > 1 && pattern[1] == '*')
    return matches(pattern.substr(2), letters) ||
           (!letters.empty() && fits(letters[0]) && matches(pattern, letters.substr(1)));
  return !letters.empty() && fits(letters[0]) && matches(pattern.substr(1), letters.substr(1));
}

/// One operator and its tensors, as the rules ask for them.
class Checked {
 public:
  Checked(const fb::OperatorCodeT& code, const fb::OperatorT& op, std::span<const std::unique_ptr<fb::TensorT>> tensors)
      : code_(code), op_(op), tensors_(tensors) {}

  void check() const {
    const RuntimeRule* rule = runtime_rule(code_.builtin_code);
    if (!rule) throw refused("is not among its operators");
    if (code_.version > rule->last_version)
      throw refused(cat("has version ", code_.version, ", it knows ", rule->last_version, " at most"));
    check_types(*rule);
    check_axes(*rule);
    check_quantization(*rule);
    check_prescribed();
    check_weights();
    check_sum();
  }

 private:
  Error refused(std::string_view why) const {
    const std::string name = code_.builtin_code == B::CUSTOM ? code_.custom_code : name_of(code_.builtin_code);
    return unsupported(cat(kRuntime, " does not run it: ", name, " ", why));
  }
  const fb::TensorT* tensor(int32_t index) const {
    return index < 0 ? nullptr : tensors_[static_cast<size_t>(index)].get();
  }
  std::vector<const fb::TensorT*> all(const std::vector<int32_t>& indices) const {
    std::vector<const fb::TensorT*> result;
    for (const int32_t i : indices)
      if (const fb::TensorT* t = tensor(i)) result.push_back(t);
    return result;
  }

  void check_types(const RuntimeRule& rule) const {
    std::string in, out;
    for (const int32_t i : op_.inputs) in += tensor(i) ? letter_of(*tensor(i)) : '.';
    for (const int32_t i : op_.outputs) out += tensor(i) ? letter_of(*tensor(i)) : '.';
    for (const fb::TensorT* t : all(op_.outputs))
      if (t->type == fb::TensorType::INT4) throw refused("giving 4-bit integers");
    for (const std::string& form : split(rule.forms, ' ')) {
      const size_t arrow = form.find('>');
      if (matches(form.substr(0, arrow), in) && matches(form.substr(arrow + 1), out)) return;
    }
    throw refused(cat("of these types (", types(op_.inputs), " → ", types(op_.outputs), ")"));
  }
  std::string types(const std::vector<int32_t>& indices) const {
    std::vector<std::string> names;
    for (const int32_t i : indices) {
      const fb::TensorT* t = tensor(i);
      names.push_back(!t ? "none" : cat(has_quant(*t) ? "quantized " : "", lower(fb::EnumNameTensorType(t->type))));
    }
    return join(names, ", ");
  }

  void check_axes(const RuntimeRule& rule) const {
    const std::vector<const fb::TensorT*> in = all(op_.inputs);
    if (in.empty()) return;
    const auto axes = static_cast<int64_t>(in[0]->shape.size());
    if (rule.most_axes > 0 && axes > rule.most_axes)
      throw refused(cat("of ", axes, " axes, it takes ", static_cast<int64_t>(rule.most_axes), " at most"));
    if (rule.most_broadcast == 0) return;
    size_t most = 0;
    bool differ = false;
    for (const fb::TensorT* t : in) {
      most = std::max(most, t->shape.size());
      differ = differ || t->shape != in[0]->shape;
    }
    if (differ && most > static_cast<size_t>(rule.most_broadcast))
      throw refused(cat("with broadcasting over ", most, " axes, it takes ", static_cast<int64_t>(rule.most_broadcast),
                        " at most"));
  }

  /// Kernels that take 16-bit integers with a zero point: SOFTMAX of bytes gives them, QUANTIZE to 32 bits reads them.
  bool may_have_zero_points() const {
    if (op_.inputs.empty() || op_.outputs.empty()) return false;
    const fb::TensorT *x = tensor(op_.inputs[0]), *y = tensor(op_.outputs[0]);
    if (!x || !y) return false;
    if (code_.builtin_code == B::SOFTMAX) return x->type == fb::TensorType::INT8 || x->type == fb::TensorType::UINT8;
    return code_.builtin_code == B::QUANTIZE && y->type == fb::TensorType::INT32;
  }

  void check_quantization(const RuntimeRule& rule) const {
    std::vector<const fb::TensorT*> tensors = all(op_.inputs);
    for (const fb::TensorT* t : all(op_.outputs)) tensors.push_back(t);
    const fb::TensorT* first = nullptr;
    for (const fb::TensorT* t : tensors) {
      if (!has_quant(*t)) continue;
      if (is_per_channel(*t) && rule.quant != Quant::kChannels && rule.last_version < 1000)
        throw refused("with a scale for each channel");
      const bool is_border =
          code_.builtin_code == B::DEQUANTIZE || code_.builtin_code == B::CUSTOM || may_have_zero_points();
      if (t->type == fb::TensorType::INT16 && zero_point(*t) != 0 && !is_border)
        throw refused("of 16-bit integers with a zero point");
      if (rule.quant != Quant::kSame) continue;
      if (!first) first = t;
      if (t->quantization->scale != first->quantization->scale || zero_point(*t) != zero_point(*first))
        throw refused("between different scales");
    }
  }

  void check_prescribed() const {
    for (const PrescribedOutput& p : prescribed_outputs()) {
      const fb::TensorT* x = op_.inputs.empty() ? nullptr : tensor(op_.inputs[0]);
      const fb::TensorT* y = op_.outputs.empty() ? nullptr : tensor(op_.outputs[0]);
      if (p.code != code_.builtin_code || !x || !y || x->type != p.input || y->type != p.type || !has_quant(*y))
        continue;
      const float scale = y->quantization->scale[0];
      if (std::abs(scale - p.scale) > p.tolerance * p.scale || zero_point(*y) != p.zero_point)
        throw refused(cat("whose result has scale ", scale, " and zero point ", zero_point(*y), ", it gives ", p.scale,
                          " and ", p.zero_point));
    }
  }

  /// Integer convolutions take signed weights as symmetric, whatever their zero point is.
  void check_weights() const {
    const bool is_convolution = code_.builtin_code == B::CONV_2D || code_.builtin_code == B::DEPTHWISE_CONV_2D ||
                                code_.builtin_code == B::TRANSPOSE_CONV;
    if (!is_convolution) return;
    const fb::TensorT* w = tensor(op_.inputs[1]);
    if (!w || w->type != fb::TensorType::INT8 || !has_quant(*w)) return;
    const std::vector<int64_t>& zeros = w->quantization->zero_point;
    if (std::any_of(zeros.begin(), zeros.end(), [](int64_t z) { return z != 0; }))
      throw refused("with signed weights that have a zero point");
  }

  /// SUM adds stored integers, zero points included, where input and output have the same parameters.
  void check_sum() const {
    if (code_.builtin_code != B::SUM) return;
    const fb::TensorT *x = tensor(op_.inputs[0]), *y = tensor(op_.outputs[0]);
    if (!x || !y || !has_quant(*x) || !has_quant(*y)) return;
    if (x->quantization->scale == y->quantization->scale && zero_point(*x) == zero_point(*y) && zero_point(*x) != 0)
      throw refused("within one scale that has a zero point");
  }

  const fb::OperatorCodeT& code_;
  const fb::OperatorT& op_;
  std::span<const std::unique_ptr<fb::TensorT>> tensors_;
};

}  // namespace

void check_conforms(const fb::OperatorCodeT& code, const fb::OperatorT& op,
                    std::span<const std::unique_ptr<fb::TensorT>> tensors) {
  Checked(code, op, tensors).check();
}

}  // namespace hone::tflite
