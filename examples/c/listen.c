/* Feeds a recording to a model, window by window: listen MODEL SOUND.wav
 * The model takes [1, N] samples in -1 ... 1; what it remembers from window to window, the session keeps. The recording
 * is 16-bit PCM; of several channels the first is heard. Prints a line a window: seconds, then what the model says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hone_c.h"

enum { kMostScores = 8 };

struct sound {
  int16_t* samples;
  size_t count;
  uint32_t rate;
};

static uint32_t number(const unsigned char* at, int bytes) {
  uint32_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) value = value << 8 | at[i];
  return value;
}

/* The chunks of a RIFF file: "fmt " says what "data" holds. */
static int read_wav(const char* path, struct sound* sound) {
  FILE* file = fopen(path, "rb");
  unsigned char head[12], chunk[8], format[16] = {0};
  int channels = 0,
      is_good = file && fread(head, 12, 1, file) == 1 && !memcmp(head, "RIFF", 4) && !memcmp(head + 8, "WAVE", 4);
  while (is_good && !sound->samples && fread(chunk, 8, 1, file) == 1) {
    const uint32_t size = number(chunk + 4, 4);
    if (!memcmp(chunk, "fmt ", 4) && size >= 16 && size < 256) {
      if (fread(format, 16, 1, file) != 1) break;
      channels = (int)number(format + 2, 2);
      is_good = number(format, 2) == 1 && number(format + 14, 2) == 16 && channels > 0;
      sound->rate = number(format + 4, 4);
      fseek(file, (long)size - 16, SEEK_CUR);
    } else if (!memcmp(chunk, "data", 4) && channels > 0) {
      int16_t* all = malloc(size + 1);
      const size_t got = all ? fread(all, 2 * (size_t)channels, size / 2 / (size_t)channels, file) : 0;
      for (size_t i = 0; i < got; ++i) all[i] = all[i * (size_t)channels];
      sound->samples = all;
      sound->count = got;
    } else {
      fseek(file, (long)(size + (size & 1)), SEEK_CUR);
    }
  }
  if (file) fclose(file);
  return is_good && sound->count > 0 && sound->rate > 0;
}

static hone_status hear(hone_session* session, const struct sound* sound, size_t window) {
  const int64_t dims[] = {1, (int64_t)window};
  float* input = malloc(window * sizeof(float));
  hone_status status = input ? HONE_OK : HONE_RESOURCE;
  for (size_t at = 0; !status && at + window <= sound->count; at += window) {
    const void* data;
    size_t bytes;
    for (size_t i = 0; i < window; ++i) input[i] = (float)sound->samples[at + i] / 32768.0f;
    if ((status = hone_session_set_input(session, 0, dims, 2, input, window * sizeof(float))) ||
        (status = hone_session_run(session)) || (status = hone_session_output(session, 0, NULL, &data, &bytes)))
      break;
    printf("%.2f", (double)at / sound->rate);
    for (size_t i = 0; i < bytes / sizeof(float) && i < kMostScores; ++i) printf(" %.4f", ((const float*)data)[i]);
    printf("\n");
  }
  free(input);
  return status;
}

int main(int argc, char** argv) {
  struct sound sound = {0};
  hone_model* model = NULL;
  hone_session* session = NULL;
  hone_tensor_info input;
  if (argc != 3 || !read_wav(argv[2], &sound))
    return fprintf(stderr, "usage: listen MODEL SOUND.wav (16-bit PCM)\n"), free(sound.samples), 2;
  hone_status status = hone_model_load(argv[1], &model);
  if (!status) status = hone_model_input(model, 0, &input);
  const int fits = !status && input.rank == 2 && input.dims[1] > 0 && input.dtype == HONE_F32;
  if (fits) status = hone_session_create(model, NULL, &session);
  if (fits && !status) status = hear(session, &sound, (size_t)input.dims[1]);
  if (status)
    fprintf(stderr, "error: %s\n", hone_last_error());
  else if (!fits)
    fprintf(stderr, "error: the model does not take [1, N] samples\n");
  hone_session_free(session);
  hone_model_free(model);
  free(sound.samples);
  return status || !fits ? 1 : 0;
}
