#pragma once

#include <span>
#include <string>
#include <string_view>

#include "oracle/isolated.h"
#include "oracle/model_record.h"

namespace hone {

/// One model under judgement. Its own runtime's inputs and answers are kept as .npy files in `folder`, where later
/// paths, each a process of its own, find them.
struct ModelCase {
  std::string path;
  std::string folder;  ///< exists, for this model alone
  int64_t proofs = 2;  ///< generated inputs on which hone itself proves what it converts
};

/// A way of a model through hone that ends in numbers.
struct ModelPath {
  std::string_view name;
  /// What it says of the model; runs in a process of its own. The first path is the judge of the others.
  Verdict (*run)(const ModelCase&);
};

/// own: the file in its own runtime (kNone with the reason when that refuses it). reference, cpu: in hone. same, other:
/// converted by `hone convert` to the same and to the other format and run in that one's runtime. ONNX Runtime answers
/// with its optimizer and without; the worse counts. Models with state run six steps, others two.
std::span<const ModelPath> model_paths();

/// The sizes of the first inputs and the answers to them as `own` left them in the case's folder, in a record without
/// verdicts.
ModelRecord recorded(const ModelCase& c);

/// Whether `path` names a model that has a runtime here: .onnx or .tflite.
bool is_judged_model(std::string_view path);

}  // namespace hone
