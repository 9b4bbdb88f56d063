#include <filesystem>
#include <memory>

#include "base/file.h"
#include "base/text.h"
#include "base/workshop.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "emit/c_source.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

struct Options {
  ModelArgs model;
  std::string output, name;
  int64_t samples = 2;
};

int emit(const Options& o, Console& console) {
  const Graph graph = o.model.load();
  note_open_sizes(graph, console);
  const std::string stem = o.name.empty() ? fs::path(o.model.path).stem().string() : o.name;
  const std::string name = c_identifier(stem);
  const CSource c = emit_c(graph, {.name = name, .samples = o.samples});
  fs::create_directories(o.output);
  Workshop workshop(o.output);
  write_file(workshop.file(name + ".h"), std::string_view(c.header));
  write_file(workshop.file(name + ".c"), std::string_view(c.source));
  if (!c.check.empty()) write_file(workshop.file(name + "_check.c"), std::string_view(c.check));
  workshop.publish();
  const fs::path folder(o.output);
  Facts facts;
  facts.add("flash", cat(human_bytes(static_cast<uint64_t>(c.flash_bytes)), " of weights, tables and parameters"));
  facts.add("ram", cat(human_bytes(static_cast<uint64_t>(c.ram_bytes)), " of activations"));
  facts.add("written", cat((folder / (name + ".h")).string(), ", ", name, ".c",
                           c.check.empty() ? "" : cat(", ", name, "_check.c")));
  if (!c.check.empty())
    facts.add("check", cat("cc -std=c99 -O2 ", (folder / (name + "*.c")).string(), " -o check && ./check"));
  console.out(facts.render(console.width()));
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.option("-o,--output", "DIR", o->output, "the folder for the sources", true);
  args.option("--name", "NAME", o->name, "file stem and prefix of public names (default: the model's)");
  args.option("--samples", "N", o->samples, "generated inputs with hone's answers in NAME_check.c; 0: no such file", 0);
  return [o](Console& console) { return emit(*o, console); };
}

}  // namespace

const Command kEmitCCommand{
    "emit-c", "an int8 model as C99 source, for devices without an operating system", "hone emit-c model.tflite -o c/",
    "For models of 8-bit integers in TFLite's arithmetic. The sources need nothing but <stdint.h> and <string.h>; "
    "their "
    "answers equal hone's reference bit for bit, which NAME_check.c shows wherever it is compiled.",
    setup};

}  // namespace hone
