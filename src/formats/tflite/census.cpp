#include "formats/tflite/census.h"

#include "formats/tflite/reader.h"

namespace hone::tflite {

Census count_operators(const ReadRequest& request) {
  ModelFile file(request.bytes, request.owner);
  Census found;
  if (!file.model().subgraphs()) return found;
  for (const fb::SubGraph* subgraph : *file.model().subgraphs()) {
    if (!subgraph->operators()) continue;
    file.spend(subgraph->operators()->size());
    for (const fb::Operator* op : *subgraph->operators()) ++found[identify(file, op->opcode_index()).name.text];
  }
  return found;
}

}  // namespace hone::tflite
