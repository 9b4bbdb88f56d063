// Bytes as a Keras file: an HDF5 file or an archive that holds one.
#include "formats/keras/keras.h"
#include "formats/source.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::expect_error_at_most([&] {
    const hone::ModelSource source = hone::source_of("fuzz.keras", {hone::fuzz::bytes_of(data, size), nullptr});
    if (hone::kKerasFormat.sniff(source)) hone::kKerasFormat.read({source});
  });
}
