#include "capi/c_guard.h"
#include "hone/image.h"

using hone::capi::guarded;
using hone::capi::require;

extern "C" hone_status hone_session_set_image(hone_session* session, const hone_model* model, size_t index,
                                              const uint8_t* pixels, int64_t height, int64_t width, int32_t channels) {
  hone::Tensor input;
  const hone_status made = guarded([&] {
    require(session && model, "hone_session_set_image: session and model must not be null");
    input = hone::image_input(hone_model_access::model(model), {pixels, height, width, channels}, index);
  });
  if (made != HONE_OK) return made;
  return hone_session_set_input(session, index, input.dims().data(), static_cast<int32_t>(input.rank()), input.raw(),
                                static_cast<size_t>(input.byte_size()));
}
