#pragma once

#include <map>
#include <string>

#include "formats/format.h"
#include "formats/torch/script.h"
#include "formats/torch/value.h"

namespace hone::torch {

/// A TorchScript archive: data.pkl (the module), constants.pkl, code/ (the programs), data/ and constants/ (arrays).
class Archive {
 public:
  /// `source` and `heap` must outlive it.
  Archive(const ModelSource& source, Heap& heap);
  static bool looks_like(const ModelSource& source);

  /// The module that was saved. Throws Error(unsupported) for weights without a program.
  Object& root();
  /// CONSTANTS.cN of the programs.
  Value constant(int64_t number);
  /// By a name as programs use it, "__torch__.torch.nn.functional.relu"; null where there is none.
  const Class* find_class(const std::string& name);
  const Function* find_function(const std::string& name);

 private:
  Value read(const std::string& name);
  const Source* source_of(const std::string& name);

  const ModelSource& archive_;
  Heap& heap_;
  std::string folder_;  ///< "resnet18/"
  Value constants_ = {};
  std::map<std::string, Source> sources_;
};

}  // namespace hone::torch
