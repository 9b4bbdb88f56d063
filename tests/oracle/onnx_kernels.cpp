#include "oracle/onnx_kernels.h"

#include <cstdio>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/kernels.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/writer.h"
#include "ops/interpreter.h"
#include "support/compare.h"

namespace hone {

namespace {

using onnx::Kernel;

/// Element types that a form can be asked for.
constexpr DType kTypes[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kI4,
                            DType::kU4,  DType::kI8,  DType::kU8,   DType::kI16, DType::kU16,
                            DType::kI32, DType::kU32, DType::kI64,  DType::kU64, DType::kBool};
constexpr int kFirst = 17, kLast = 24;

bool is_operand(std::string_view token) {
  const size_t start = token.starts_with('#') || token.starts_with('?') ? 1 : 0;
  const size_t end = std::min(token.find('['), token.find('{'));
  return token == "_" || (end != std::string_view::npos && parse_dtype(token.substr(start, end - start)).has_value());
}

std::string operator_of(std::string_view line) { return std::string(line.substr(0, line.find(' '))); }

/// Lines of the forms of ONNX's own operators.
std::vector<std::string> lines(std::string_view only) {
  std::vector<std::string> all;
  for (const OnnxForm& form : read_onnx_forms(only))
    if (form.name.find(':') > form.name.find(' ')) all.push_back(form.name);
  return all;
}

bool loads(OnnxRuntime& runtime, const std::string& line) {
  try {
    return runtime.loads(parse_onnx_form(line).model);
  } catch (const Error&) {
    return false;  // numbers that the type cannot be made of
  }
}

/// What the runtime takes for one letter, as text; empty when the line does not state its type.
std::string taken(OnnxRuntime& runtime, const std::string& line, const Kernel& kernel, char letter) {
  std::string names;
  bool is_stated = false;
  for (const DType dtype : kTypes) {
    const std::string variant = with_type(line, kernel.in, letter, dtype);
    is_stated = is_stated || variant != line;
    if (loads(runtime, variant)) names += cat(names.empty() ? "" : " ", to_string(dtype));
  }
  return is_stated ? names : "";
}

/// The answers for one operator in one operator set, by the first form that states a letter's type and loads at all;
/// what no form states is as recorded. Empty when nothing loads.
std::string answers(OnnxRuntime& runtime, const std::vector<std::string>& candidates, int opset, const Kernel& kernel) {
  std::string text;
  for (const char letter : {'T', 'U', 'V'}) {
    if (cat(kernel.in, kernel.out).find(letter) == std::string::npos) continue;
    std::string found;
    bool loads_any = false;
    for (size_t i = 0; i < candidates.size() && found.empty(); ++i) {
      const std::string line = with_opset(candidates[i], opset);
      if (!loads(runtime, line)) continue;
      loads_any = true;
      found = taken(runtime, line, kernel, letter);
    }
    if (!loads_any) return "";
    if (found.empty()) found = onnx::to_text(*onnx::set_of(kernel, letter));
    text += cat(" | ", std::string(1, letter), ": ", found);
  }
  return text;
}

std::string recorded(const Kernel& kernel) {
  std::string text;
  for (const char letter : {'T', 'U', 'V'})
    if (cat(kernel.in, kernel.out).find(letter) != std::string::npos)
      text += cat(" | ", std::string(1, letter), ": ", onnx::to_text(*onnx::set_of(kernel, letter)));
  return text;
}

/// Whether every type of the table is among those that the runtime takes.
bool claims_no_more(const std::string& claimed, const std::string& found) {
  const std::vector<std::string> ours = split(claimed, '|'), theirs = split(found, '|');
  for (size_t i = 0; i < ours.size(); ++i)
    for (const std::string& name : split(ours[i], ' '))
      if (!name.empty() && cat(theirs.at(i), " ").find(cat(" ", name, " ")) == std::string::npos &&
          !name.ends_with(':'))
        return false;
  return true;
}

Graph read_form(const OnnxForm& form) {
  const auto bytes = std::make_shared<const std::string>(form.model);
  return kOnnxFormat.read({"form.onnx", std::as_bytes(std::span(*bytes)), bytes});
}

/// Half floats and what the runtime computes in them have few digits.
Tolerance tolerance_of(DType dtype) {
  if (dtype == DType::kF16) return {.relative = 2e-2, .absolute = 1e-2, .steps = 1};
  if (dtype == DType::kBF16) return {.relative = 1e-1, .absolute = 5e-2, .steps = 1};
  return {.relative = 1e-3, .absolute = 1e-5, .steps = 1};
}

struct Tally {
  int equal = 0, open = 0, refused = 0, listed = 0, different = 0;
};

/// A form in the type of one of its letters.
struct Variant {
  std::string line;
  std::string_view letters;
  char letter;
  DType dtype;
};

/// Where ONNX leaves the result open: a real number that the integers of the result's type cannot hold, NaN among them.
/// One tensor of bools for each of the outputs, which are in `given`.
std::vector<Tensor> open_elements(const Variant& variant, const OnnxForm& form, const std::vector<Tensor>& given) {
  const std::string operands = with_type(variant.line, variant.letters, variant.letter, DType::kF64);
  const OnnxForm real = parse_onnx_form(with_type(operands, "", '?', DType::kF64));
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < real.inputs.size(); ++i) inputs.push_back(cast(form.inputs.at(i), real.inputs[i].dtype()));
  std::vector<Tensor> all;
  for (const Tensor& output : evaluate(read_form(real), inputs)) {
    const DType dtype = given.at(all.size()).dtype();
    all.push_back(Tensor::zeros(DType::kBool, output.dims()));
    const std::vector<double> values = to_doubles(output);
    for (size_t i = 0; i < values.size() && !is_float(dtype); ++i)
      all.back().mutable_data<bool>()[i] =
          !(values[i] > static_cast<double>(min_of(dtype)) - 1 && values[i] < static_cast<double>(max_of(dtype)) + 1);
  }
  return all;
}

/// `tensor` with zeros for the elements that are left open.
Tensor without(const Tensor& tensor, const Tensor& open) {
  std::vector<double> values = to_doubles(tensor.with_quant(nullptr));
  for (size_t i = 0; i < values.size(); ++i)
    if (open.data<bool>()[i]) values[i] = 0;
  return cast(Tensor::of<double>(tensor.dims(), values), tensor.dtype());
}

/// Whether what differs is left open by ONNX, element by element.
bool is_open(const Variant& variant, const OnnxForm& form, const std::vector<Tensor>& found,
             const std::vector<Tensor>& expected) {
  try {
    const std::vector<Tensor> open = open_elements(variant, form, expected);
    if (open.size() != found.size() || found.size() != expected.size()) return false;
    for (size_t i = 0; i < open.size(); ++i)
      if (open[i].dims() != found[i].dims() || open[i].dims() != expected[i].dims() ||
          !difference(without(found[i], open[i]), without(expected[i], open[i]), tolerance_of(variant.dtype)).empty())
        return false;
    return true;
  } catch (const Error&) {
    return false;  // no such form of reals
  }
}

/// One form in one type, with the optimizer and without.
void compare_form(OnnxRuntime& runtime, const Variant& variant, const std::set<std::string>& known, Tally& tally) {
  const std::string& line = variant.line;
  OnnxForm form;
  std::string model;
  std::vector<Tensor> expected;
  try {
    form = parse_onnx_form(line);
    for (const Tensor& input : form.inputs)
      if (input.dtype() == DType::kI4 || input.dtype() == DType::kU4) return;  // cannot be fed
    const Graph graph = read_form(form);
    expected = evaluate(graph, form.inputs);
    model = onnx::encode_model(graph);
  } catch (const Error& e) {
    ++tally.refused;
    if (std::getenv("HONE_ORACLE_VERBOSE")) std::printf("refused   %s: %s\n", line.c_str(), e.message().c_str());
    return;
  }
  for (const auto optimizer : {OnnxRuntime::Optimizer::on, OnnxRuntime::Optimizer::off}) {
    std::string problem;
    try {
      const std::vector<Tensor> found = runtime.run(model, form.inputs, optimizer);
      if (found.size() != expected.size()) problem = cat(found.size(), " outputs");
      for (size_t i = 0; i < expected.size() && problem.empty(); ++i)
        problem =
            difference(found[i].with_quant(nullptr), expected[i].with_quant(nullptr), tolerance_of(variant.dtype));
      if (!problem.empty() && is_open(variant, form, found, expected)) {
        ++tally.open;
        continue;
      }
    } catch (const Error& e) {
      problem = e.message();
    }
    const bool is_known = known.contains(line) || known.contains(line + " (written)");
    ++(problem.empty() ? tally.equal : is_known ? tally.listed : tally.different);
    if (!problem.empty() && !is_known)
      std::printf("DIFFERENT %s (written%s): %s\n", line.c_str(),
                  optimizer == OnnxRuntime::Optimizer::on ? "" : ", optimizer off", problem.c_str());
  }
}

}  // namespace

std::string with_type(std::string_view line, std::string_view letters, char letter, DType dtype) {
  std::vector<std::string> tokens = split(line, ' ');
  size_t operand = 0;
  const bool is_attribute = letters.find(letter) == std::string_view::npos;
  for (size_t i = 2; i < tokens.size(); ++i) {
    std::string& token = tokens[i];
    const size_t type = token.find("type("), tensor = token.find('=');
    if (is_attribute && tensor != std::string::npos && is_operand(token.substr(tensor + 1)))
      token = cat(token.substr(0, tensor + 1), to_string(dtype), token.substr(token.find_first_of("[{")));
    if (is_attribute && type != std::string::npos) token = cat(token.substr(0, type), "type(", to_string(dtype), ")");
    if (!is_operand(token)) continue;
    if (onnx::letter_of(letters, operand++) != letter || token == "_") continue;
    const size_t start = token.starts_with('#') || token.starts_with('?') ? 1 : 0;
    token = cat(token.substr(0, start), to_string(dtype), token.substr(std::min(token.find('['), token.find('{'))));
  }
  return join(tokens, " ");
}

std::string with_opset(std::string_view line, int opset) {
  std::vector<std::string> tokens = split(line, ' ');
  tokens.at(1) = cat(opset);
  return join(tokens, " ");
}

int compare_kernels(OnnxRuntime& runtime, std::string_view only) {
  std::map<std::string, std::vector<std::string>> forms;
  for (const std::string& line : lines(only)) forms[operator_of(line)].push_back(line);
  int different = 0, asked = 0;
  for (const auto& [op, candidates] : forms) {
    std::string last;
    for (int opset = kFirst; opset <= kLast; ++opset) {
      const Kernel* kernel = onnx::find_kernel(op, opset);
      if (!kernel || kernel->first > opset) continue;
      const std::string found = answers(runtime, candidates, opset, *kernel);
      if (found.empty()) continue;
      ++asked;
      const std::string claimed = recorded(*kernel);
      const bool is_true = claims_no_more(claimed, found);
      different += !is_true;
      if (found != claimed && found != last)
        std::printf("%s %s %d%s\n", is_true ? "more     " : "DIFFERENT", op.c_str(), opset, found.c_str());
      last = found;
    }
  }
  std::printf("%-28s %4d operators and operator sets, %d different\n", "types the runtime takes", asked, different);
  return different;
}

int compare_types(OnnxRuntime& runtime, const std::set<std::string>& known, std::string_view only) {
  Tally tally;
  for (const std::string& line : lines(only)) {
    const Kernel* kernel = onnx::find_kernel(operator_of(line), kFirst);
    compare_form(runtime, {line, "", '?', DType::kF32}, known, tally);
    for (const char letter : {'T', 'U', 'V'}) {
      if (!kernel || kernel->in.find(letter) == std::string_view::npos) continue;
      for (const DType dtype : kTypes) {
        const std::string variant = with_type(line, kernel->in, letter, dtype);
        if (variant != line) compare_form(runtime, {variant, kernel->in, letter, dtype}, known, tally);
      }
    }
  }
  std::printf("%-28s %4d equal, %d different, %d left open by ONNX, %d listed, %d refused by hone\n",
              "forms in every type", tally.equal, tally.different, tally.open, tally.listed, tally.refused);
  return tally.different;
}

}  // namespace hone
