/* kernel high_mul */
/* round(a * b / 2^31), halves upwards (gemmlowp). */
static int32_t high_mul(int32_t a, int32_t b) {
  const int64_t product = (int64_t)a * b;
  const int64_t nudge = product >= 0 ? (int64_t)1 << 30 : 1 - ((int64_t)1 << 30);
  if (a == b && a == INT32_MIN) return INT32_MAX;
  return (int32_t)((product + nudge) / ((int64_t)1 << 31));
}

/* kernel scale: high_mul */
/* x * multiplier * 2^(shift - 31), halves of the second rounding away from zero. */
static int32_t scale(int32_t x, int32_t multiplier, int shift) {
  const int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const int32_t high = high_mul((int32_t)((uint32_t)x << left), multiplier);
  const int32_t mask = (int32_t)(((int64_t)1 << right) - 1);
  const int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> right) + ((high & mask) > threshold ? 1 : 0);
}

/* kernel scale_up: high_mul */
/* The same with halves of the second rounding upwards. */
static int32_t scale_up(int32_t x, int32_t multiplier, int shift) {
  const int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const int32_t high = high_mul((int32_t)((uint32_t)x << left), multiplier);
  const int64_t half = right > 0 ? (int64_t)1 << (right - 1) : 0;
  return (int32_t)((high + half) >> right);
}

/* kernel cut */
static int32_t cut(int64_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : (int32_t)x; }

/* kernel window */
/* A sliding window over [batch, in_h, in_w, in_c], and how integers stand for reals. */
typedef struct {
  int32_t batch, in_h, in_w, in_c, out_h, out_w, out_c;
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w, groups;
  int32_t x_zero, w_zero, y_zero, low, high;
} window;

/* kernel conv: scale scale_up cut window */
/* w: [out_c, kernel_h, kernel_w, in_c / groups]; one multiplier and shift for each channel, or one for all. */
static void conv_ELEMENT(const window *s, const ELEMENT *x, const ELEMENT *w, const int32_t *bias,
                         const int32_t *multipliers, const int8_t *shifts, int per_channel, int up, ELEMENT *y) {
  const int32_t group_in = s->in_c / s->groups, group_out = s->out_c / s->groups;
  for (int32_t n = 0; n < s->batch; ++n)
    for (int32_t oh = 0; oh < s->out_h; ++oh)
      for (int32_t ow = 0; ow < s->out_w; ++ow)
        for (int32_t oc = 0; oc < s->out_c; ++oc) {
          const int32_t first = oc / group_out * group_in, m = per_channel ? oc : 0;
          uint32_t sum = bias ? (uint32_t)bias[oc] : 0;
          for (int32_t kh = 0; kh < s->kernel_h; ++kh) {
            const int32_t ih = oh * s->stride_h - s->pad_h + kh * s->dilation_h;
            if (ih < 0 || ih >= s->in_h) continue;
            for (int32_t kw = 0; kw < s->kernel_w; ++kw) {
              const int32_t iw = ow * s->stride_w - s->pad_w + kw * s->dilation_w;
              const ELEMENT *from = x + ((n * s->in_h + ih) * s->in_w + iw) * s->in_c + first;
              const ELEMENT *by = w + ((oc * s->kernel_h + kh) * s->kernel_w + kw) * group_in;
              if (iw < 0 || iw >= s->in_w) continue;
              for (int32_t i = 0; i < group_in; ++i) sum += (uint32_t)((from[i] - s->x_zero) * (by[i] - s->w_zero));
            }
          }
          const int32_t v = up ? scale_up((int32_t)sum, multipliers[m], shifts[m])
                               : scale((int32_t)sum, multipliers[m], shifts[m]);
          y[((n * s->out_h + oh) * s->out_w + ow) * s->out_c + oc] =
              (ELEMENT)cut((int64_t)v + s->y_zero, s->low, s->high);
        }
}

/* kernel average_pool: cut window */
static void average_pool_ELEMENT(const window *s, const ELEMENT *x, ELEMENT *y) {
  for (int32_t n = 0; n < s->batch; ++n)
    for (int32_t oh = 0; oh < s->out_h; ++oh)
      for (int32_t ow = 0; ow < s->out_w; ++ow)
        for (int32_t c = 0; c < s->in_c; ++c) {
          int32_t sum = 0, count = 0;
          for (int32_t kh = 0; kh < s->kernel_h; ++kh)
            for (int32_t kw = 0; kw < s->kernel_w; ++kw) {
              const int32_t ih = oh * s->stride_h - s->pad_h + kh * s->dilation_h;
              const int32_t iw = ow * s->stride_w - s->pad_w + kw * s->dilation_w;
              if (ih < 0 || ih >= s->in_h || iw < 0 || iw >= s->in_w) continue;
              sum += x[((n * s->in_h + ih) * s->in_w + iw) * s->in_c + c];
              ++count;
            }
          if (count == 0) count = 1;
          y[((n * s->out_h + oh) * s->out_w + ow) * s->in_c + c] =
              (ELEMENT)cut((sum + (sum > 0 ? count / 2 : -(count / 2))) / count, s->low, s->high);
        }
}

/* kernel max_pool: cut window */
static void max_pool_ELEMENT(const window *s, const ELEMENT *x, ELEMENT *y) {
  for (int32_t n = 0; n < s->batch; ++n)
    for (int32_t oh = 0; oh < s->out_h; ++oh)
      for (int32_t ow = 0; ow < s->out_w; ++ow)
        for (int32_t c = 0; c < s->in_c; ++c) {
          int32_t best = LOWEST;
          for (int32_t kh = 0; kh < s->kernel_h; ++kh)
            for (int32_t kw = 0; kw < s->kernel_w; ++kw) {
              const int32_t ih = oh * s->stride_h - s->pad_h + kh * s->dilation_h;
              const int32_t iw = ow * s->stride_w - s->pad_w + kw * s->dilation_w;
              if (ih < 0 || ih >= s->in_h || iw < 0 || iw >= s->in_w) continue;
              const int32_t v = x[((n * s->in_h + ih) * s->in_w + iw) * s->in_c + c];
              if (v > best) best = v;
            }
          y[((n * s->out_h + oh) * s->out_w + ow) * s->in_c + c] = (ELEMENT)cut(best, s->low, s->high);
        }
}

/* kernel pair */
/* Two operands that repeat after a_size and b_size elements, and how integers stand for reals. */
typedef struct {
  int32_t size, a_size, b_size, a_zero, b_zero, y_zero, low, high;
  int32_t a_multiplier, b_multiplier, y_multiplier;
  int a_shift, b_shift, y_shift, sign;
} pair;

/* kernel add: scale cut pair */
static void add_ELEMENT(const pair *s, const ELEMENT *a, const ELEMENT *b, ELEMENT *y) {
  for (int32_t i = 0; i < s->size; ++i) {
    const int32_t p = (a[i % s->a_size] - s->a_zero) * (1 << 20), q = (b[i % s->b_size] - s->b_zero) * (1 << 20);
    const int32_t sum =
        scale(p, s->a_multiplier, s->a_shift) + s->sign * scale(q, s->b_multiplier, s->b_shift);
    y[i] = (ELEMENT)cut((int64_t)scale(sum, s->y_multiplier, s->y_shift) + s->y_zero, s->low, s->high);
  }
}

/* kernel mul: scale cut pair */
static void mul_ELEMENT(const pair *s, const ELEMENT *a, const ELEMENT *b, ELEMENT *y) {
  for (int32_t i = 0; i < s->size; ++i) {
    const int32_t product = (a[i % s->a_size] - s->a_zero) * (b[i % s->b_size] - s->b_zero);
    y[i] = (ELEMENT)cut((int64_t)scale(product, s->y_multiplier, s->y_shift) + s->y_zero, s->low, s->high);
  }
}

/* kernel softmax: cut */
/* table[d]: e^-(d steps of x). Floats are added and multiplied one by one: no option that reorders or fuses them. */
static void softmax_ELEMENT(int32_t rows, int32_t size, const float *table, float y_scale, int32_t y_zero,
                            const ELEMENT *x, ELEMENT *y) {
  for (int32_t r = 0; r < rows; ++r, x += size, y += size) {
    int32_t top = x[0];
    float sum = 0;
    for (int32_t i = 1; i < size; ++i) top = x[i] > top ? x[i] : top;
    for (int32_t i = 0; i < size; ++i) sum += table[top - x[i]];
    const float inverse = 1.0f / (sum * y_scale);
    for (int32_t i = 0; i < size; ++i) {
      const float v = table[top - x[i]] * inverse;
      const int32_t whole = (int32_t)v;
      y[i] = (ELEMENT)cut(whole + (v - (float)whole >= 0.5f ? 1 : 0) + y_zero, LOWEST, HIGHEST);
    }
  }
}

/* kernel map */
/* Rows of bytes through a table of the 256 results, or as they are. */
static void map(int32_t rows, int32_t bytes, const uint8_t *table, const void *from, int32_t from_row, void *to,
                int32_t to_row) {
  for (int32_t r = 0; r < rows; ++r)
    for (int32_t i = 0; i < bytes; ++i) {
      const uint8_t v = ((const uint8_t *)from)[r * from_row + i];
      ((uint8_t *)to)[r * to_row + i] = table ? table[v] : v;
    }
}

/* kernel dequantize */
static void dequantize(int32_t size, const float *table, const void *x, float *y) {
  for (int32_t i = 0; i < size; ++i) y[i] = table[((const uint8_t *)x)[i]];
}

/* kernel quantize: cut */
/* Halves away from zero; what is no number is stored as 0. */
static void quantize_ELEMENT(int32_t size, double x_scale, int32_t zero, const float *x, ELEMENT *y) {
  for (int32_t i = 0; i < size; ++i) {
    const double v = (double)x[i] / x_scale, most = 1e6;
    const double c = v > most ? most : v < -most ? -most : v;
    int32_t whole;
    if (v != v) {
      y[i] = 0;
      continue;
    }
    whole = (int32_t)c;
    whole += c - whole >= 0.5 ? 1 : c - whole <= -0.5 ? -1 : 0;
    y[i] = (ELEMENT)cut((int64_t)whole + zero, LOWEST, HIGHEST);
  }
}
