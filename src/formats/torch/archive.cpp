#include "formats/torch/archive.h"

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/pickle.h"

namespace hone::torch {

namespace {

constexpr std::string_view kData = "data.pkl";

/// "resnet18/" of "resnet18/data.pkl"; nothing when no member is called so.
std::string folder_of(const ModelSource& source, bool& is_found) {
  for (const std::string& name : source.names) {
    const size_t slash = name.find('/');
    const size_t begin = slash == std::string::npos ? 0 : slash + 1;
    if (name.substr(begin) == kData) return is_found = true, name.substr(0, begin);
  }
  return is_found = false, "";
}

/// "__torch__.a.b.C" → "__torch__.a.b" and "C".
std::pair<std::string, std::string> split_name(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

}  // namespace

bool Archive::looks_like(const ModelSource& source) {
  bool is_found = false;
  folder_of(source, is_found);
  return is_found && source.open;
}

Archive::Archive(const ModelSource& source, Heap& heap) : archive_(source), heap_(heap) {
  bool is_found = false;
  folder_ = folder_of(source, is_found);
  if (!is_found) throw invalid_model("the archive has no data.pkl");
}

Value Archive::read(const std::string& name) {
  const Bytes pickle = archive_.open(folder_ + name + ".pkl");
  return with_context([&] { return cat("in ", name, ".pkl"); },
                      [&] {
                        return read_pickle(pickle.text(), heap_, [&](const std::string& key) {
                          // Files for phones keep all arrays in one folder.
                          for (const std::string& folder : {name, std::string("constants"), std::string("data")})
                            if (archive_.has(folder_ + folder + "/" + key))
                              return archive_.open(folder_ + folder + "/" + key);
                          throw invalid_model(cat("the archive has no array '", key, "'"));
                        });
                      });
}

Object& Archive::root() {
  bool has_code = false;
  for (const std::string& name : archive_.names) has_code |= name.starts_with(folder_ + "code/");
  if (!has_code)
    throw unsupported("weights without a graph: the file holds arrays (a state_dict or a pickled module), no program",
                      "save the program too, where the model's class is: "
                      "torch.jit.trace(model.eval(), example_input).save('model.pt')");
  const Value value = read("data");
  if (!is<Object*>(value)) throw invalid_model(cat("data.pkl holds ", kind_of(value), ", expected a module"));
  return *std::get<Object*>(value);
}

Value Archive::constant(int64_t number) {
  // They are not made where they are used first.
  const Restored body{heap_.body, std::exchange(heap_.body, 0)};
  if (is_none(constants_)) constants_ = read("constants");
  const List& all = to_list(constants_);
  if (number < 0 || number >= static_cast<int64_t>(all.items.size()))
    throw invalid_model(cat("constant ", number, " of ", all.items.size()));
  return all.items[static_cast<size_t>(number)];
}

const Source* Archive::source_of(const std::string& name) {
  std::string path = folder_ + "code/" + name;
  for (size_t i = folder_.size() + 5; i < path.size(); ++i)
    if (path[i] == '.') path[i] = '/';
  path += ".py";
  if (const auto known = sources_.find(path); known != sources_.end()) return &known->second;
  if (!archive_.has(path)) return nullptr;
  const Bytes bytes = archive_.open(path);
  Source parsed = with_context([&] { return cat("in '", path, "'"); }, [&] { return parse_source(bytes.text()); });
  return &sources_.emplace(path, std::move(parsed)).first->second;
}

const Class* Archive::find_class(const std::string& name) {
  const auto [file, last] = split_name(name);
  const Source* source = source_of(file);
  const auto found = source ? source->classes.find(last) : decltype(source->classes.find(last)){};
  return source && found != source->classes.end() ? &found->second : nullptr;
}

const Function* Archive::find_function(const std::string& name) {
  const auto [file, last] = split_name(name);
  const Source* source = source_of(file);
  const auto found = source ? source->functions.find(last) : decltype(source->functions.find(last)){};
  return source && found != source->functions.end() ? &found->second : nullptr;
}

}  // namespace hone::torch
