#include "formats/tflite/metadata.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/base64.h"
#include "base/text.h"
#include "formats/tflite/runtime_version.h"

namespace hone::tflite {

namespace {

constexpr std::string_view kBinaryPrefix = "tflite.base64.";
constexpr const char* kDescriptionKey = "tflite.description";
constexpr const char* kSignatureKey = "tflite.signature";
constexpr std::string_view kDefaultKey = "serving_default";
constexpr std::string_view kRuntimeVersion = "min_runtime_version";

bool is_plain_text(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return (c >= 32 && c < 127) || c == '\n' || c == '\t'; });
}

std::string text_of(const flatbuffers::String* s) { return s ? s->str() : std::string(); }

using AliasList = flatbuffers::Vector<flatbuffers::Offset<fb::TensorMap>>;

/// Aliases in the order of `tensors`; the tensor's own name where the signature has none.
void append_aliases(ModelFile& file, const AliasList* aliases, const flatbuffers::Vector<int32_t>* tensors,
                    const char* kind, std::string& out) {
  if (!aliases || !tensors) return;
  file.spend(uint64_t(aliases->size()) + tensors->size());
  std::unordered_map<uint32_t, const flatbuffers::String*> names;  // the first of each tensor
  for (const fb::TensorMap* alias : *aliases)
    if (alias->name()) names.try_emplace(alias->tensor_index(), alias->name());
  for (flatbuffers::uoffset_t i = 0; i < tensors->size(); ++i)
    if (const auto name = names.find(static_cast<uint32_t>(tensors->Get(i))); name != names.end()) {
      file.spend(name->second->size());
      out += cat("\n", kind, " ", i, " ", name->second->string_view());
    }
}

/// What pack_signatures says without a kept signature.
std::string default_signature(const Graph& graph) {
  std::string text(kDefaultKey);
  for (size_t i = 0; i < graph.inputs().size(); ++i)
    text += cat("\ninput ", i, " ", graph.value(graph.inputs()[i]).name);
  for (size_t i = 0; i < graph.outputs().size(); ++i)
    text += cat("\noutput ", i, " ", graph.value(graph.outputs()[i]).name);
  return text;
}

void read_signature(ModelFile& file, Graph& graph) {
  const auto* signatures = file.model().signature_defs();
  if (!signatures) return;
  for (const fb::SignatureDef* signature : *signatures) {
    if (signature->subgraph_index() != 0) continue;
    const fb::SubGraph& main = *file.model().subgraphs()->Get(0);
    std::string text = text_of(signature->signature_key());
    append_aliases(file, signature->inputs(), main.inputs(), "input", text);
    append_aliases(file, signature->outputs(), main.outputs(), "output", text);
    if (text != default_signature(graph)) graph.metadata[kSignatureKey] = std::move(text);
    return;
  }
}

struct Signature {
  std::string key = std::string(kDefaultKey);
  std::vector<std::string> inputs, outputs;
};

Signature signature_of(const Graph& graph) {
  Signature s;
  for (const ValueId id : graph.inputs()) s.inputs.push_back(graph.value(id).name);
  for (const ValueId id : graph.outputs()) s.outputs.push_back(graph.value(id).name);
  const auto kept = graph.metadata.find(kSignatureKey);
  if (kept == graph.metadata.end()) return s;
  const std::vector<std::string> lines = split(kept->second, '\n');
  s.key = lines[0];
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> words = split(lines[i], ' ');
    if (words.size() < 3) continue;
    auto& names = words[0] == "input" ? s.inputs : s.outputs;
    const auto number = parse_int(words[1]);
    if (number && *number >= 0 && *number < static_cast<int64_t>(names.size()))
      names[static_cast<size_t>(*number)] = lines[i].substr(words[0].size() + words[1].size() + 2);
  }
  return s;
}

Tensor bytes_tensor(std::string_view bytes) {
  Tensor t = Tensor::empty(DType::kU8, {static_cast<int64_t>(bytes.size())});
  std::memcpy(t.mutable_raw(), bytes.data(), bytes.size());
  return t;
}

}  // namespace

void read_metadata(ModelFile& file, Graph& graph) {
  if (file.model().description() && file.model().description()->size() > 0) {
    file.spend(file.model().description()->size());
    graph.metadata[kDescriptionKey] = file.model().description()->str();
  }
  if (const auto* entries = file.model().metadata())
    for (const fb::Metadata* entry : *entries) {
      const std::string name = text_of(entry->name());
      const auto bytes = file.buffer(entry->buffer());
      file.spend(name.size() + bytes.size());
      if (name == kRuntimeVersion) continue;
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (is_plain_text(text))
        graph.metadata[name] = text;
      else
        graph.metadata[cat(kBinaryPrefix, name)] = to_base64(text);
    }
  read_signature(file, graph);
}

std::vector<flatbuffers::Offset<fb::Metadata>> pack_metadata(flatbuffers::FlatBufferBuilder& builder,
                                                             const Graph& graph, WriteState& state) {
  std::vector<flatbuffers::Offset<fb::Metadata>> entries;
  auto add = [&](std::string_view name, std::string_view bytes) {
    const auto text = builder.CreateString(name);
    entries.push_back(fb::CreateMetadata(builder, text, state.add_buffer(bytes_tensor(bytes))));
  };
  std::string version = oldest_runtime(state);
  version.resize(16, '\0');
  add(kRuntimeVersion, version);
  for (const auto& [key, value] : graph.metadata) {
    if (key == kDescriptionKey || key == kSignatureKey) continue;
    if (key.starts_with(kBinaryPrefix))
      add(std::string_view(key).substr(kBinaryPrefix.size()), from_base64(value));
    else
      add(key, value);
  }
  return entries;
}

std::vector<flatbuffers::Offset<fb::SignatureDef>> pack_signatures(flatbuffers::FlatBufferBuilder& builder,
                                                                   const Graph& graph, const fb::SubGraphT& subgraph) {
  const Signature s = signature_of(graph);
  auto pack = [&](const std::vector<std::string>& names, const std::vector<int32_t>& tensors) {
    std::vector<flatbuffers::Offset<fb::TensorMap>> maps;
    for (size_t i = 0; i < names.size(); ++i)
      maps.push_back(fb::CreateTensorMap(builder, builder.CreateString(names[i]), static_cast<uint32_t>(tensors[i])));
    return builder.CreateVector(maps);
  };
  const auto inputs = pack(s.inputs, subgraph.inputs);
  const auto outputs = pack(s.outputs, subgraph.outputs);
  const auto key = builder.CreateString(s.key);
  return {fb::CreateSignatureDef(builder, inputs, outputs, key, 0)};
}

std::string description_of(const Graph& graph) {
  const auto kept = graph.metadata.find(kDescriptionKey);
  return kept == graph.metadata.end() ? "" : kept->second;
}

}  // namespace hone::tflite
