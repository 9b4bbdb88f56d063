#include "formats/formats.h"
#include "formats/tflite/tflite.h"

namespace hone {

/// The minimal runtime reads TFLite alone: this file takes the place of formats/all_formats.cpp in its build.
std::span<const Format* const> all_formats() {
  static constexpr const Format* kFormats[] = {&kTfliteFormat};
  return kFormats;
}

}  // namespace hone
