#include "formats/formats.h"
#include "formats/keras/keras.h"
#include "formats/onnx/onnx.h"
#include "formats/tensorflow/tensorflow.h"
#include "formats/text_format.h"
#include "formats/tflite/tflite.h"

namespace hone {

std::span<const Format* const> all_formats() {
  static constexpr const Format* kFormats[] = {&kTfliteFormat, &kTextFormat, &kKerasFormat, &kTensorflowFormat,
                                               &kOnnxFormat};
  return kFormats;
}

}  // namespace hone
