#include "formats/onnx/conforms.h"

#include <map>

#include "base/error.h"
#include "base/text.h"

namespace hone::onnx {

namespace {

/// Types of a kernel's variables: as the operands have them, and as they are computed.
struct Variable {
  std::optional<DType> actual, computed;
  bool is_given = false;  ///< by an input, which can be cast
};

void bind(const TypedNode& node, Variable& variable, DType dtype, bool is_input) {
  if (!variable.actual) {
    variable = {dtype, dtype, is_input};
  } else if (*variable.actual != dtype) {
    throw unsupported(cat("onnx: ", node.op, " of operands of one type, found ", to_string(*variable.actual), " and ",
                          to_string(dtype)));
  }
}

[[noreturn]] void refuse(const TypedNode& node, DType dtype, const std::string& taken) {
  throw unsupported(cat("onnx: ", kRuntime, " has no ", node.op, " of ", to_string(dtype),
                        taken.empty() ? "" : ", it takes ", taken));
}

std::map<char, Variable> variables_of(const TypedNode& node, const Kernel& kernel) {
  std::map<char, Variable> variables;
  for (size_t i = 0; i < node.in.size(); ++i)
    if (node.in[i] && set_of(kernel, letter_of(kernel.in, i)))
      bind(node, variables[letter_of(kernel.in, i)], *node.in[i], true);
  for (size_t i = 0; i < node.out.size(); ++i) {
    const char letter = letter_of(kernel.out, i);
    if (set_of(kernel, letter) && (node.out[i] || !variables.contains(letter)) && (node.out[i] || node.attribute))
      bind(node, variables[letter], node.out[i] ? *node.out[i] : *node.attribute, false);
  }
  for (auto& [letter, variable] : variables) {
    const TypeSet& set = *set_of(kernel, letter);
    if (set.has(*variable.actual)) continue;
    variable.computed = variable.is_given ? widened(*variable.actual, set) : std::nullopt;
    if (!variable.computed) refuse(node, *variable.actual, to_text(set));
  }
  return variables;
}

}  // namespace

Conformed conform(const TypedNode& node) {
  const Kernel* kernel = find_kernel(node.op, node.opset);
  if (!kernel) throw internal_error(cat("onnx: no rule for operator ", node.op));
  std::map<char, Variable> variables = variables_of(node, *kernel);
  Conformed result;
  for (size_t i = 0; i < node.in.size(); ++i) {
    const char letter = letter_of(kernel->in, i);
    const std::optional<DType> wanted = set_of(*kernel, letter) ? variables[letter].computed : fixed_type(letter);
    const bool differs = node.in[i] && wanted && *node.in[i] != *wanted;
    if (differs && fixed_type(letter) && !is_wider(*wanted, *node.in[i]))
      refuse(node, *node.in[i], std::string(to_string(*wanted)));
    result.cast_in.push_back(differs ? wanted : std::nullopt);
  }
  for (size_t i = 0; i < node.out.size(); ++i) {
    const char letter = letter_of(kernel->out, i);
    const bool is_variable = set_of(*kernel, letter) != nullptr;
    result.out.push_back(is_variable ? variables[letter].computed : fixed_type(letter));
    const std::optional<DType> wanted = is_variable ? variables[letter].actual : node.out[i];
    const bool differs = wanted && result.out[i] && *wanted != *result.out[i];
    result.cast_out.push_back(differs ? wanted : std::nullopt);
  }
  return result;
}

}  // namespace hone::onnx
