#include "hone/image.h"

#include "base/error.h"
#include "base/text.h"
#include "data/preprocess.h"
#include "ir/graph.h"

namespace hone {

std::string preprocessing(const Model& model) {
  const auto found = model.metadata().find(std::string(kPreprocessKey));
  return found == model.metadata().end() ? "" : found->second;
}

Model with_preprocessing(const Model& model, const std::string& json) {
  return model.with_metadata(std::string(kPreprocessKey), to_json(parse_preprocess(json)));
}

Tensor image_input(const Model& model, const Picture& picture, size_t input) {
  const std::vector<Port> inputs = model.inputs();
  if (input >= inputs.size())
    throw invalid_argument(cat("input ", input, " does not exist, the model has ", inputs.size()));
  const bool is_picture =
      picture.pixels && picture.height > 0 && picture.width > 0 && (picture.channels == 1 || picture.channels == 3);
  if (!is_picture)
    throw invalid_argument(cat("a picture of ", picture.height, "x", picture.width, " pixels and ", picture.channels,
                               " channels, expected at least one pixel and 1 or 3 channels"));
  const TensorType& type = inputs[input].type;
  const Preprocess preprocess = resolve_preprocess(type, model.metadata());
  const Tensor pixels =
      Tensor::view(DType::kU8, {picture.height, picture.width, picture.channels}, picture.pixels, nullptr);
  return preprocess_image(with_channels(pixels, image_channels(preprocess)), preprocess, type);
}

}  // namespace hone
