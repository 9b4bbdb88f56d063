#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/foreign.h"

namespace hone {

namespace {

/// The flags of TensorFlow's tflite_convert (tensorflow/lite/python/tflite_convert.py), of 1.x and 2.x, with those of
/// toco before it that scripts still pass and that it drops in silence.
constexpr ForeignFlag kFlags[] = {
    {"--output_file", "FILE", "-o", "the .tflite to write, whatever its name ends with"},
    {"--saved_model_dir,--savedmodel_directory", "DIR", "", "the SavedModel to read"},
    {"--keras_model_file", "FILE", "", "the .h5 or .keras model to read"},
    {"--graph_def_file,--input_file", "FILE", "", "the frozen GraphDef to read"},
    {"--saved_model_tag_set", "TAG[,TAG]", "--tag-set", "which graph of the SavedModel"},
    {"--saved_model_signature_key", "NAME", "--signature", "which entry point of the SavedModel"},
    {"--input_arrays", "NAME[,NAME]", "--graph-inputs", "tensors where the graph begins"},
    {"--output_arrays", "NAME[,NAME]", "--graph-outputs", "tensors where it ends"},
    {"--input_shapes", "N,H,W,C[:DIMS]", "", "shapes of --input_arrays, separated by colons"},
    {"--output_format", "TFLITE", "", "TFLITE is what hone writes"},
    {"--inference_type", "TYPE", "",
     "FLOAT, or INT8, UINT8, QUANTIZED_UINT8 of a graph trained with fake quantization"},
    {"--inference_input_type", "TYPE", "", "what --inference_type says"},
    {"--post_training_quantize,--quantize_weights", "[true|false]", "", "weights become int8 (dynamic range)"},
    {"--quantize_to_float16", "[true|false]", "", "with --post_training_quantize, weights become float16 instead"},
    {"--std_dev_values,--std_values", "S[,S]", "", "of integer inputs: real = (stored - mean) / std"},
    {"--mean_values", "M[,M]", "", "likewise"},
    {"--default_ranges_min", "X", "", "of integer graphs: range of values that have none"},
    {"--default_ranges_max", "X", "", "likewise"},
    {"--allow_custom_ops", "[true|false]", kNothing,
     "operators that TFLite lacks are written in terms of others or named in an error"},
    {"--custom_opdefs", "DEFS", kNothing, "hone reads no custom operators"},
    {"--target_ops", "SET[,SET]", kNothing, "hone writes TFLite's own operators alone"},
    {"--experimental_select_user_tf_ops", "OPS", kNothing, "hone writes TFLite's own operators alone"},
    {"--drop_control_dependency", "[true|false]", kNothing, "what outputs do not need is never read"},
    {"--reorder_across_fake_quant", "[true|false]", kNothing, "the graph is float"},
    {"--change_concat_input_ranges", "[true|false]", kNothing, "the graph is float"},
    {"--enable_v1_converter", "[true|false]", kNothing, "the flags of both versions are taken at once"},
    {"--experimental_new_converter", "[true|false]", kNothing, "there is one converter"},
    {"--experimental_new_quantizer", "[true|false]", kNothing, "there is one quantizer"},
    {"--dump_graphviz_dir", "DIR", kNothing, "hone inspect MODEL --dot prints the graph"},
    {"--dump_graphviz_video", "[true|false]", kNothing, "hone convert --dump-after PASS prints the graph after a pass"},
    {"--conversion_summary_dir", "DIR", kNothing, "hone convert --json is the summary"},
    {"--input_format", "FORMAT", kNothing, "the content says what a file is"},
    {"--input_type", "TYPE", kNothing, "a flag of toco that tflite_convert drops"},
    {"--input_data_types", "TYPES", kNothing, "a flag of toco that tflite_convert drops"},
    {"--allow_nudging_weights_to_use_fast_gemm_kernel", "[true|false]", kNothing,
     "a flag of toco that tflite_convert drops"},
};

/// The one model that is named.
std::string source_of(const ForeignLine& line) {
  std::string source;
  for (const std::string_view name : {"--saved_model_dir", "--keras_model_file", "--graph_def_file"}) {
    if (!line.has(name)) continue;
    if (!source.empty()) throw invalid_argument(cat("tflite-convert: ", name, " names a second model"));
    source = line.value(name);
  }
  if (source.empty())
    throw invalid_argument("tflite-convert: no model is named",
                           "add --saved_model_dir DIR, --keras_model_file FILE or --graph_def_file FILE");
  return source;
}

/// "1,224,224,3:1,10" of "a,b" → "a=1x224x224x3", "b=1x10".
std::vector<std::string> shapes_of(const ForeignLine& line) {
  if (!line.has("--input_shapes")) return {};
  const std::vector<std::string> names = split(line.value("--input_arrays"), ',');
  const std::vector<std::string> shapes = split(line.value("--input_shapes"), ':');
  if (names.size() != shapes.size() || !line.has("--input_arrays"))
    throw invalid_argument(cat("tflite-convert: --input_shapes has ", shapes.size(), " shapes for ",
                               line.has("--input_arrays") ? names.size() : 0, " --input_arrays"));
  std::vector<std::string> out;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string name = names[i].ends_with(":0") ? names[i].substr(0, names[i].size() - 2) : names[i];
    std::string dims;
    for (const std::string& dim : split(shapes[i], ',')) dims += cat(dims.empty() ? "" : "x", trim(dim));
    out.push_back(cat(name, "=", dims));
  }
  return out;
}

/// "float", "int8" or "uint8".
std::string type_of(const ForeignLine& line, std::string_view flag) {
  const std::string type = line.has(flag) ? lower(line.value(flag)) : "float";
  if (type == "quantized_uint8") return "uint8";
  if (type == "float" || type == "int8" || type == "uint8") return type;
  throw invalid_argument(cat(flag, " ", line.value(flag), ": expected FLOAT, INT8, UINT8 or QUANTIZED_UINT8"));
}

bool is_integer(const ForeignLine& line) { return type_of(line, "--inference_type") != "float"; }

/// hone quantize over the ranges that the graph was trained with.
std::vector<std::string> integer_words(const ForeignLine& line, const std::string& source) {
  std::vector<std::string> words{"quantize", source, "--to", "int8", "--integer-io"};
  if (type_of(line, "--inference_type") == "uint8") words.push_back("--unsigned");
  if (line.has("--mean_values") != line.has("--std_dev_values"))
    throw invalid_argument("tflite-convert: --mean_values and --std_dev_values go together");
  if (line.has("--mean_values")) {
    const auto mean = parse_double(line.value("--mean_values")), std = parse_double(line.value("--std_dev_values"));
    if (!mean || !std || !(*std > 0))
      throw unsupported(cat("--mean_values ", line.value("--mean_values"), " --std_dev_values ",
                            line.value("--std_dev_values"), ": hone takes one mean and one deviation for all inputs"));
    words.insert(words.end(), {"--input-quant", cat(to_text(1 / *std), ",", to_text(*mean))});
  }
  if (line.has("--default_ranges_min") != line.has("--default_ranges_max"))
    throw invalid_argument("tflite-convert: --default_ranges_min and --default_ranges_max go together");
  if (line.has("--default_ranges_min"))
    words.insert(words.end(),
                 {"--default-range", cat(line.value("--default_ranges_min"), ",", line.value("--default_ranges_max"))});
  return words;
}

/// What hone would have to guess or does not write is an Error.
void require_sense(const ForeignLine& line, const std::string& source, Console& console) {
  if (!line.has("--output_file"))
    throw invalid_argument("tflite-convert: --output_file is missing", "hone help tflite-convert");
  if (line.has("--output_format") && lower(line.value("--output_format")) != "tflite")
    throw unsupported(cat("--output_format ", line.value("--output_format"), ": hone writes TFLITE here"),
                      cat("hone inspect ", source, " --dot"));
  const bool is_quantized = line.is_on("--post_training_quantize");
  if (is_quantized && is_integer(line))
    console.note("note: --post_training_quantize starts from a graph in FLOAT: --inference_type is taken as that");
  if (line.has("--inference_input_type") &&
      type_of(line, "--inference_input_type") != type_of(line, "--inference_type"))
    throw unsupported(cat("--inference_input_type ", line.value("--inference_input_type"), " beside --inference_type ",
                          line.has("--inference_type") ? line.value("--inference_type") : "FLOAT"),
                      "give both the same type");
  if (!is_integer(line) || is_quantized)
    for (const std::string_view flag :
         {"--mean_values", "--std_dev_values", "--default_ranges_min", "--default_ranges_max"})
      if (line.has(flag)) console.note(cat("note: ", flag, " means nothing here: the graph is float"));
  if (line.is_on("--quantize_to_float16") && !is_quantized)
    console.note("note: --quantize_to_float16 takes effect with --post_training_quantize alone");
}

int convert(const ForeignLine& line, Console& console) {
  const std::string source = source_of(line);
  require_sense(line, source, console);
  std::vector<std::string> words{"convert", source};
  if (line.is_on("--post_training_quantize"))
    words = {"quantize", source, "--to", line.is_on("--quantize_to_float16") ? "float16" : "dynamic"};
  else if (is_integer(line))
    words = integer_words(line, source);
  for (std::string& word : line.words(console)) words.push_back(std::move(word));
  for (const std::string& shape : shapes_of(line)) words.insert(words.end(), {"--shape", shape});
  words.insert(words.end(), {"--format", "tflite"});
  return run_as(words, console);
}

CommandBody setup(Args& args) {
  const auto line = std::make_shared<ForeignLine>();
  line->declare(args, kFlags);
  return [line](Console& console) { return convert(*line, console); };
}

}  // namespace

const Command kTfliteConvertCommand{"tflite-convert",
                                    "TensorFlow's converter: the lines of tflite_convert, read and proven by hone",
                                    "hone tflite-convert --output_file=model.tflite --saved_model_dir=saved_model/\n"
                                    "tflite_convert --output_file=model.tflite --keras_model_file=model.h5",
                                    "Takes the flags of TensorFlow 1 and 2 as the original does. What means nothing to "
                                    "hone is said on standard error; what "
                                    "the original does not know either is an error.",
                                    setup,
                                    "tflite_convert"};

}  // namespace hone
