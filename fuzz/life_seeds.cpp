// The seeds of the life… programs: life_seeds FOLDER writes the graphs of tests/suite to FOLDER/life and, where ONNX
// can say them, to FOLDER/life_onnx, and the TFLite cases of tests/formats to FOLDER/life_tflite.
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/writer.h"
#include "formats/tflite_case.h"
#include "ir/text.h"
#include "ops/all.h"
#include "support/suite.h"

namespace {

using namespace hone;

/// Writes what `encode` makes; a form that cannot say the graph has no seed.
template <class Encode>
long write_seed(const std::string& path, Encode&& encode) {
  try {
    const auto bytes = encode();
    write_file(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return 1;
  } catch (const Error&) {
    return 0;
  }
}

long write_seeds(const std::string& folder) {
  for (const char* form : {"life", "life_onnx", "life_tflite"})
    std::filesystem::create_directories(folder + "/" + form);
  const OpSet ops = all_ops();
  long seeds = 0;
  for (const std::string& file : suite_files())
    for (const SuiteCase& c : load_suite(file)) {
      const auto graph = [&] { return parse_graph(c.graph, ops); };
      seeds += write_seed(cat(folder, "/life/", c.name, ".hone"), [&] { return c.graph; });
      seeds += write_seed(cat(folder, "/life_onnx/", c.name, ".onnx"), [&] { return onnx::encode_model(graph()); });
    }
  for (const TfliteCase& c : tflite_cases())
    seeds += write_seed(cat(folder, "/life_tflite/", c.name, ".tflite"), [&] { return c.model(); });
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw invalid_argument("usage: life_seeds FOLDER");
    std::printf("%ld seeds\n", write_seeds(argv[1]));
    return 0;
  } catch (const Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return exit_code(e.code());
  }
}
