/* Says what is on a picture: classify MODEL PICTURE.png
 * Made for examples/sample/model.onnx (64 x 64 RGB); another model needs its own preprocessing and class names. */
#include <png.h>
#include <stdio.h>

#include "hone_c.h"

enum { kSize = 64, kPlane = kSize * kSize };
static const char* const kClasses[] = {"good", "pits", "scratch", "stain"};
static unsigned char pixels[3 * kPlane];
static float planes[3 * kPlane];

static int read_png(const char* path) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  if (!png_image_begin_read_from_file(&image, path)) return 0;
  image.format = PNG_FORMAT_RGB;
  if (image.width == kSize && image.height == kSize) return png_image_finish_read(&image, NULL, pixels, 0, NULL);
  png_image_free(&image);
  return 0;
}

static int classify(const char* model_path, hone_model** model, hone_session** session) {
  const int64_t dims[] = {1, 3, kSize, kSize};
  const hone_session_options options = {.size = sizeof options, .threads = 1};
  const void* data;
  size_t bytes;
  if (hone_model_load(model_path, model) || hone_session_create(*model, &options, session) ||
      hone_session_set_input(*session, 0, dims, 4, planes, sizeof planes) || hone_session_run(*session) ||
      hone_session_output(*session, 0, NULL, &data, &bytes))
    return fprintf(stderr, "error: %s\n", hone_last_error()), 1;
  if (bytes != sizeof(float[4])) return fprintf(stderr, "error: the model has other classes\n"), 1;
  const float* scores = data;
  int best = 0;
  for (int i = 1; i < 4; ++i)
    if (scores[i] > scores[best]) best = i;
  printf("%s %.1f %%\n", kClasses[best], 100 * scores[best]);
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 3 || !read_png(argv[2])) return fprintf(stderr, "usage: classify MODEL PICTURE.png (64 x 64)\n"), 2;
  for (int c = 0; c < 3; ++c)
    for (int i = 0; i < kPlane; ++i) planes[c * kPlane + i] = (pixels[3 * i + c] / 255.0f - 0.5f) / 0.25f;
  hone_model* model = NULL;
  hone_session* session = NULL;
  const int status = classify(argv[1], &model, &session);
  hone_session_free(session);
  hone_model_free(model);
  return status;
}
