#include "formats/text_format.h"

#include "base/error.h"
#include "base/text.h"
#include "ir/text.h"
#include "ops/all.h"

namespace hone {

namespace {

constexpr std::string_view kExtensions[] = {".hone"};

bool sniff(const ModelSource& source) {
  const std::string_view text = trim(source.text().substr(0, 4096));
  return text.starts_with("graph \"") || text.starts_with("graph {");
}

Graph read(const ReadRequest& request) {
  return with_context([&] { return cat("while reading '", request.path, "'"); },
                      [&] { return parse_graph(request.text(), all_ops()); });
}

void write(const Graph& graph, const WriteRequest& request) {
  write_file(request.path, to_text(graph, {.max_constant_elements = -1}));
}

}  // namespace

constinit const Format kTextFormat{
    .name = "text", .extensions = kExtensions, .sniff = sniff, .read = read, .write = write};

}  // namespace hone
