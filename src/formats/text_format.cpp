#include "formats/text_format.h"

#include "base/error.h"
#include "base/text.h"
#include "ir/text.h"
#include "ops/all.h"

namespace hone {

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool sniff(std::span<const std::byte> head, std::string_view path) {
  const std::string_view text = trim(text_of(head));
  return path.ends_with(".hone") || text.starts_with("graph \"") || text.starts_with("graph {");
}

Graph read(const ReadRequest& request) {
  return with_context([&] { return cat("while reading '", request.path, "'"); },
                      [&] { return parse_graph(text_of(request.bytes), all_ops()); });
}

void write(const Graph& graph, const WriteRequest& request) {
  write_file(request.path, to_text(graph, {.max_constant_elements = -1}));
}

}  // namespace

constinit const Format kTextFormat{.name = "text", .extension = ".hone", .sniff = sniff, .read = read, .write = write};

}  // namespace hone
