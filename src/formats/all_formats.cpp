#include "formats/formats.h"
#include "formats/keras/keras.h"
#include "formats/onnx/onnx.h"
#include "formats/tensorflow/tensorflow.h"
#include "formats/text_format.h"
#include "formats/tflite/tflite.h"
#include "formats/torch/torch.h"

namespace hone {

std::span<const Format* const> all_formats() {
  static constexpr const Format* kFormats[] = {&kTfliteFormat,     &kTextFormat,  &kKerasFormat,
                                               &kTensorflowFormat, &kTorchFormat, &kOnnxFormat};
  return kFormats;
}

}  // namespace hone
