/* Runs a .tflite model on the minimal runtime library: run_tflite MODEL.tflite [INPUT.bin]
 * INPUT.bin holds the first input's bytes as they are in memory; without it every input is zero. Prints the index and
 * the stored value of the largest element of each output. */
#include <stdio.h>
#include <stdlib.h>

#include "hone_c.h"

static int fail(void) { return fprintf(stderr, "error: %s\n", hone_last_error()), 1; }

static size_t element_size(hone_dtype dtype) { return dtype == HONE_F32 || dtype == HONE_I32 ? 4 : 1; }

static double element(const void* data, hone_dtype dtype, size_t i) {
  if (dtype == HONE_F32) return ((const float*)data)[i];
  if (dtype == HONE_I32) return ((const int32_t*)data)[i];
  return dtype == HONE_I8 ? ((const int8_t*)data)[i] : ((const uint8_t*)data)[i];
}

int main(int argc, char** argv) {
  if (argc < 2) return fprintf(stderr, "usage: run_tflite MODEL.tflite [INPUT.bin]\n"), 2;
  hone_model* model;
  hone_session* session;
  if (hone_model_load(argv[1], &model) || hone_session_create(model, NULL, &session)) return fail();

  for (size_t i = 0; i < hone_model_input_count(model); ++i) {
    hone_tensor_info info;
    if (hone_model_input(model, i, &info)) return fail();
    int64_t dims[8] = {0};
    size_t bytes = element_size(info.dtype);
    for (int32_t d = 0; d < info.rank && d < 8; ++d) bytes *= (size_t)(dims[d] = info.dims[d] < 0 ? 1 : info.dims[d]);
    void* data = calloc(1, bytes);
    FILE* file = i == 0 && argc > 2 ? fopen(argv[2], "rb") : NULL;
    if (file && fread(data, 1, bytes, file) != bytes) return fprintf(stderr, "error: %s is too short\n", argv[2]), 1;
    if (file) fclose(file);
    if (hone_session_set_input(session, i, dims, info.rank, data, bytes)) return fail();
    free(data);
  }
  if (hone_session_run(session)) return fail();

  for (size_t i = 0; i < hone_model_output_count(model); ++i) {
    hone_tensor_info info;
    const void* data;
    size_t bytes, best = 0;
    if (hone_session_output(session, i, &info, &data, &bytes)) return fail();
    for (size_t k = 1; k < bytes / element_size(info.dtype); ++k)
      if (element(data, info.dtype, k) > element(data, info.dtype, best)) best = k;
    printf("%s: largest at %zu: %g\n", info.name, best, element(data, info.dtype, best));
  }
  hone_session_free(session);
  hone_model_free(model);
}
