#pragma once

#include <string>
#include <vector>

#include "formats/tflite/model_file.h"
#include "formats/tflite/writer.h"
#include "ir/graph.h"

namespace hone::tflite {

/// Keeps what the file says beside its graph in graph.metadata: each metadata buffer under its name (as text, or under
/// "tflite.base64.NAME" when it is binary), the description, and the signature of subgraph 0 ("tflite.signature": its
/// key and the aliases of inputs and outputs in the order of the graph's). min_runtime_version is not kept: it is
/// computed on writing.
void read_metadata(ModelFile& file, Graph& graph);

/// The mirror: adds the metadata's buffers to `state` and returns the table's entries.
std::vector<flatbuffers::Offset<fb::Metadata>> pack_metadata(flatbuffers::FlatBufferBuilder& builder,
                                                             const Graph& graph, WriteState& state);

/// One signature for the main subgraph; aliases are those read, or else the values' names.
std::vector<flatbuffers::Offset<fb::SignatureDef>> pack_signatures(flatbuffers::FlatBufferBuilder& builder,
                                                                   const Graph& graph, const fb::SubGraphT& subgraph);

std::string description_of(const Graph& graph);

}  // namespace hone::tflite
