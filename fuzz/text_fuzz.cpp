// Bytes as hone's text form; what parses must be legal and print the same after printing and parsing.
#include "ir/text.h"
#include "ops/all.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const hone::OpSet* const ops = new hone::OpSet(hone::all_ops());
  return hone::fuzz::expect_error_at_most([&] {
    const hone::Graph graph = hone::parse_graph(hone::fuzz::text_of(data, size), *ops);
    hone::verify(graph);
    const std::string once = hone::to_text(graph, {.max_constant_elements = -1});
    if (hone::to_text(hone::parse_graph(once, *ops), {.max_constant_elements = -1}) != once)
      throw hone::internal_error("text form changes when printed and parsed again");
  });
}
