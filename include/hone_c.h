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

typedef struct hone_session_options {
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

/* options may be NULL. The session keeps what it needs of the model. */
HONE_API hone_status hone_session_create(const hone_model* model, const hone_session_options* options,
                                         hone_session** session);
HONE_API void hone_session_free(hone_session* session);
/* Copies one input: `bytes` must be the size of dims[rank] elements. */
HONE_API hone_status hone_session_set_input(hone_session* session, size_t index, const int64_t* dims, int32_t rank,
                                            const void* data, size_t bytes);
HONE_API hone_status hone_session_run(hone_session* session);
/* The data lives until the session's next run. */
HONE_API hone_status hone_session_output(hone_session* session, size_t index, hone_tensor_info* info, const void** data,
                                         size_t* bytes);

#ifdef __cplusplus
}
#endif

#endif
