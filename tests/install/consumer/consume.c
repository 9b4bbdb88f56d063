/* A user of the installed C API. */
#include <hone_c.h>
#include <stdio.h>

int main(int argc, char** argv) {
  hone_model* model;
  if (argc != 2 || hone_model_load(argv[1], &model)) return fprintf(stderr, "%s\n", hone_last_error()), 1;
  printf("hone %s: %zu inputs\n", hone_version(), hone_model_input_count(model));
  hone_model_free(model);
  return 0;
}
