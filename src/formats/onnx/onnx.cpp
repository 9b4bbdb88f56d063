#include "formats/onnx/onnx.h"

#include "formats/onnx/census.h"
#include "formats/onnx/reader.h"
#include "formats/onnx/writer.h"

namespace hone {

namespace {

/// ONNX has no magic: a model begins with its IR version (field 1, a small number) in every exporter known.
bool sniff(const ModelSource& source) {
  const std::span<const std::byte> head = source.bytes;
  return head.size() > 4 && head[0] == std::byte{0x08} && head[1] >= std::byte{1} && head[1] <= std::byte{20} &&
         (head[2] == std::byte{0x12} || head[2] == std::byte{0x3a} || head[2] == std::byte{0x42});
}

/// CPUs with VNNI (AVX-VNNI or AVX512-VNNI) sum in 32 bits.
constexpr std::string_view kVnni = "ort-vnni";
constexpr std::string_view kTargets[] = {kVnni};
constexpr std::string_view kExtensions[] = {".onnx"};

void write(const Graph& graph, const WriteRequest& request) {
  onnx::write_model(graph, request, {.may_saturate = request.target == kVnni});
}

}  // namespace

constinit const Format kOnnxFormat{.name = "onnx",
                                   .extensions = kExtensions,
                                   .sniff = sniff,
                                   .read = onnx::read_model,
                                   .write = write,
                                   .census = onnx::count_operators,
                                   .targets = kTargets};

}  // namespace hone
