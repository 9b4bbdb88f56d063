// A model quantized anywhere is the same file: `hone quantize` on every instruction set level and number of threads,
// over the sample and every real model that starts from floats.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "data/npy.h"
#include "formats/formats.h"
#include "providers/cpu/kernels/isa.h"
#include "support/test_data.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

struct Folder {
  std::string path = fs::temp_directory_path() / "hone-bytes-XXXXXX";
  Folder() { path = mkdtemp(path.data()); }
  ~Folder() { fs::remove_all(path); }
};

/// Models whose inputs are single floats; those that compute in integers are refused by `quantize`.
std::vector<std::string> float_models() {
  std::vector<std::string> models{HONE_SOURCE_DIR "/examples/sample/model.onnx"};
  if (const auto folder = test_data_dir())
    for (const auto& entry : fs::recursive_directory_iterator(*folder))
      if (const fs::path& p = entry.path(); p.extension() == ".onnx" || p.extension() == ".tflite")
        if (const Graph graph = read_model(p);
            graph.type(graph.inputs()[0]).dtype == DType::kF32 && !graph.type(graph.inputs()[0]).quant)
          models.push_back(p);
  std::sort(models.begin(), models.end());
  return models;
}

/// Two arrays of noise for the model's first input, open sizes as 1.
void write_noise(const std::string& model, const std::string& folder) {
  const Graph graph = read_model(model);
  Dims dims;
  for (const Dim& d : graph.type(graph.inputs()[0]).shape.list()) dims.push_back(d.is_known() ? d.value() : 1);
  std::mt19937 random(7);
  fs::create_directory(folder);
  for (const char* name : {"/a.npy", "/b.npy"}) {
    Tensor x = Tensor::zeros(DType::kF32, dims);
    for (float& v : x.mutable_data<float>()) v = static_cast<float>(random() % 2001) / 1000 - 1;
    write_npy(folder + name, x);
  }
}

struct Way {
  cpu::Isa isa;
  int threads;
};
/// Each level and each number of threads at least once.
std::vector<Way> ways() {
  std::vector<Way> out;
  for (const int threads : {1, 2, 4}) out.push_back({cpu::all_levels().front(), threads});
  for (const cpu::Isa isa : cpu::all_levels())
    if (cpu::is_supported(isa)) out.push_back({isa, 1 << out.size() % 3});
  return out;
}

TEST(Quantize, GivesTheSameBytesOnEveryLevelAndNumberOfThreads) {
  size_t compared = 0;
  for (const std::string& model : float_models()) {
    const Folder folder;
    write_noise(model, folder.path + "/noise");
    const std::string out = folder.path + "/int8" + fs::path(model).extension().string();
    std::string first;
    for (const Way& way : ways()) {
      const std::string command =
          cat("HONE_CPU_ISA=", cpu::isa_name(way.isa), " '", HONE_PROGRAM, "' quantize '", model, "' --data '",
              folder.path, "/noise' --threads ", way.threads, " -o '", out, "' >'", folder.path, "/log' 2>&1");
      ASSERT_EQ(std::system(command.c_str()), 0) << command << "\n" << read_file(folder.path + "/log");
      const std::string bytes = read_file(out);
      if (first.empty()) first = bytes;
      EXPECT_TRUE(bytes == first) << model << ": " << cpu::isa_name(way.isa) << " with " << way.threads
                                  << " threads writes another file than portable with 1";
    }
    ++compared;
  }
  EXPECT_GE(compared, 1u);
  for (const cpu::Isa isa : cpu::all_levels())
    if (!cpu::is_supported(isa)) std::printf("not compared: %s, which this machine lacks\n", cpu::isa_name(isa));
  if (!test_data_dir()) GTEST_SKIP() << "compared the sample alone: real models are absent";
}

}  // namespace
}  // namespace hone
