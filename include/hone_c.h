/* hone_c.h: the stable C API. Plain functions over opaque handles; no exceptions cross it.
 *
 * Every function that can fail returns a hone_status: HONE_OK or the kind of error; hone_last_error() then holds its
 * text for the calling thread. Handles are made by *_create/_load and ended by *_free, which take NULL. A hone_session
 * is used by one thread at a time; different sessions may run at once. */
#ifndef HONE_C_H
#define HONE_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HONE_API __attribute__((visibility("default")))
#else
#define HONE_API
#endif

/* Values never change meaning; new ones are appended. */
typedef enum hone_status {
  HONE_OK = 0,
  HONE_INVALID_ARGUMENT = 2,
  HONE_INVALID_MODEL = 3,
  HONE_UNSUPPORTED = 4,
  HONE_NOT_FOUND = 5,
  HONE_IO = 6,
  HONE_RESOURCE = 7,
  HONE_CANCELLED = 8,
  HONE_INTERNAL = 9
} hone_status;

typedef enum hone_dtype {
  HONE_F32 = 0,
  HONE_F16,
  HONE_BF16,
  HONE_F64,
  HONE_I4,
  HONE_U4,
  HONE_I8,
  HONE_U8,
  HONE_I16,
  HONE_U16,
  HONE_I32,
  HONE_U32,
  HONE_I64,
  HONE_U64,
  HONE_BOOL
} hone_dtype;

typedef struct hone_model hone_model;
typedef struct hone_session hone_session;

/* What a model takes or gives. Strings and arrays live as long as the model (hone_model_*) or until the session's next
 * run (hone_session_output). dims hold -1 where a size is not known. scale is 0 for plain numbers. */
typedef struct hone_tensor_info {
  const char* name;
  hone_dtype dtype;
  int32_t rank; /* -1: not known */
  const int64_t* dims;
  float scale; /* real = scale * (stored - zero_point) */
  int32_t zero_point;
} hone_tensor_info;

/* `size` is sizeof(hone_session_options) of the header you compiled with; a zeroed rest is the default. */
typedef struct hone_session_options {
  size_t size;
  int32_t threads;      /* 0: all usable CPUs */
  int32_t exact;        /* 1: fixed-point requantization, bit-equal to the reference */
  const char* provider; /* "cpu", "reference"; NULL: "cpu" */
} hone_session_options;

HONE_API const char* hone_version(void);
HONE_API const char* hone_last_error(void);

HONE_API hone_status hone_model_load(const char* path, hone_model** model);
HONE_API hone_status hone_model_load_memory(const void* data, size_t bytes, hone_model** model);
HONE_API void hone_model_free(hone_model* model);
HONE_API size_t hone_model_input_count(const hone_model* model);
HONE_API size_t hone_model_output_count(const hone_model* model);
HONE_API hone_status hone_model_input(const hone_model* model, size_t index, hone_tensor_info* info);
HONE_API hone_status hone_model_output(const hone_model* model, size_t index, hone_tensor_info* info);

/* What the file says beside the network, by key; NULL when it does not. Lives until the model is changed or freed. */
HONE_API const char* hone_model_metadata(const hone_model* model, const char* key);
/* hone_model_save writes it into .onnx and .tflite; a NULL value removes the key. */
HONE_API hone_status hone_model_set_metadata(hone_model* model, const char* key, const char* value);

/* options may be NULL: one thread on the cpu. The session keeps what it needs of the model. */
HONE_API hone_status hone_session_create(const hone_model* model, const hone_session_options* options,
                                         hone_session** session);
HONE_API void hone_session_free(hone_session* session);
/* Copies one input: `bytes` must be the size of dims[rank] elements. */
HONE_API hone_status hone_session_set_input(hone_session* session, size_t index, const int64_t* dims, int32_t rank,
                                            const void* data, size_t bytes);
HONE_API hone_status hone_session_run(hone_session* session);
/* Forgets what the session's runs have left in the model's states. */
HONE_API hone_status hone_session_reset_state(hone_session* session);
/* The data lives until the session's next run. */
HONE_API hone_status hone_session_output(hone_session* session, size_t index, hone_tensor_info* info, const void** data,
                                         size_t* bytes);

/* ---- pictures, and making models small and fast; not in the minimal library ---- */

/* Sets input `index` from a decoded picture: rows from the top, `channels` (1 or 3: R, G, B) bytes a pixel. It is
 * resized, normalized and laid out by the preprocessing that `model`, which the session was made of, carries in its
 * metadata ("hone.preprocess", as hone optimize embeds it); without one it is resized, and floats take 0 ... 255. */
HONE_API hone_status hone_session_set_image(hone_session* session, const hone_model* model, size_t index,
                                            const uint8_t* pixels, int64_t height, int64_t width, int32_t channels);

/* Gives sample `index` of a data set: calls hone_sample_set_input once for each input of the model. Anything but
 * HONE_OK stops the work with that status. */
typedef struct hone_sample hone_sample;
typedef hone_status (*hone_sample_fn)(void* context, size_t index, hone_sample* sample);
HONE_API hone_status hone_sample_set_input(hone_sample* sample, size_t input, const int64_t* dims, int32_t rank,
                                           const void* data, size_t bytes);

typedef struct hone_samples {
  size_t count;
  hone_sample_fn fill;
  void* context;
} hone_samples;

/* `size` is sizeof(hone_quantize_options) of the header you compiled with; a zeroed rest is the default. */
typedef struct hone_quantize_options {
  size_t size;
  const char* to;                /* "int8", "dynamic", "float16"; NULL: "int8" */
  const char* calibrator;        /* "minmax", "percentile", "entropy", "mse"; NULL: "mse" */
  int32_t integer_io;            /* 1: inputs and outputs become int8 too */
  int32_t threads;               /* for calibration; 0: all usable CPUs */
  const char* const* keep_float; /* layers that stay in float, by hone's names or the file's; NULL: none */
  size_t keep_float_count;
} hone_quantize_options;

/* `samples` may be NULL for dynamic and float16. */
HONE_API hone_status hone_quantize(const hone_model* model, const hone_samples* samples,
                                   const hone_quantize_options* options, hone_model** quantized);
/* Writes the format that the extension names. */
HONE_API hone_status hone_model_save(const hone_model* model, const char* path);

/* `size` is sizeof(hone_optimize_options) of the header you compiled with. Start from hone_optimize_defaults(). */
typedef struct hone_optimize_options {
  size_t size;
  double max_drop;        /* percentage points that may be lost, for metrics that count right and wrong; default 1 */
  double bound;           /* what other metrics must reach; NaN: their default */
  const char* metric;     /* NULL: by the task */
  const char* objective;  /* "latency", "size", "memory"; NULL: "latency" */
  const char* directory;  /* where files go; NULL: none are written */
  const char* stem;       /* their name without extension; NULL: "model" */
  double latency_seconds; /* of measurement for each distinct plan; default 0.5 */
  int32_t threads;        /* of one inference; 0: all usable CPUs; default 1 */
  int32_t no_mixed;       /* 1: do not try int8 with layers in float */
  const char* runtime;    /* who runs the files for the judge and the clock: "hone", or "ort", "tflite" where their
                             shared libraries are installed; NULL: "hone" */
} hone_optimize_options;
HONE_API hone_optimize_options hone_optimize_defaults(void);

/* What became of it. `size` is set by the caller to sizeof(hone_optimize_result). */
typedef struct hone_optimize_result {
  size_t size;
  int32_t is_better;   /* 0: nothing beats the model within the budget */
  int32_t is_verified; /* every file that was written is inside the budget as read back */
  double score_before, score_after;
  double drop, drop_low, drop_high; /* with its 95 % interval; shares in percentage points */
  double latency_before_us, latency_after_us;
  int64_t bytes_before, bytes_after; /* of the smaller file */
} hone_optimize_result;

/* `labels` holds test->count class indices, or is NULL: then the model as given is taken as right. `optimized` and
 * `result` may be NULL. */
HONE_API hone_status hone_optimize(const hone_model* model, const hone_samples* calibration, const hone_samples* test,
                                   const int64_t* labels, const hone_optimize_options* options, hone_model** optimized,
                                   hone_optimize_result* result);

#ifdef __cplusplus
}
#endif

#endif
