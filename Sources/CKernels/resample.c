#include "resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The coefficients must be the same on every processor.
#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__) && defined(__linux__)
#define MULTIVERSIONED __attribute__((target_clones("avx512f", "avx2", "sse4.1", "default")))
#else
#define MULTIVERSIONED
#endif

// 8 bits of the sample and 2 of headroom for kernels whose sum of magnitudes exceeds 1.
enum { precision_bits = 32 - 8 - 2 };

static double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

static double bilinear(double x) {
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

// Keys' cubic convolution with a = -0.5.
static double bicubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static double sinc(double x) {
    if (x == 0.0)
        return 1.0;
    x *= 3.14159265358979323846;
    return sin(x) / x;
}

static double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

typedef struct {
    double (*value)(double);
    double support;
    int widens; // when a picture shrinks
} kernel;

static kernel kernel_of(resample_filter filter) {
    switch (filter) {
    case RESAMPLE_BOX: return (kernel){box, 0.5, 1};
    case RESAMPLE_BILINEAR: return (kernel){bilinear, 1.0, 1};
    case RESAMPLE_BICUBIC: return (kernel){bicubic, 2.0, 1};
    case RESAMPLE_LANCZOS: return (kernel){lanczos, 3.0, 1};
    case RESAMPLE_LINEAR: return (kernel){bilinear, 1.0, 0};
    }
    return (kernel){bilinear, 1.0, 1};
}

// The source samples that contribute to one target sample.
typedef struct {
    size_t first;
    size_t count;
    const int32_t *weights;
} taps;

typedef struct {
    taps *taps;
    int32_t *weights;
} plan;

static void free_plan(plan *plan) {
    free(plan->taps);
    free(plan->weights);
}

static int make_plan(resample_axis axis, kernel kernel, plan *plan) {
    const double scale = (axis.end - axis.start) / (double)axis.target;
    const double filter_scale = scale < 1.0 || !kernel.widens ? 1.0 : scale;
    const double support = kernel.support * filter_scale;
    const double inverse = 1.0 / filter_scale;
    const size_t most = (size_t)ceil(support) * 2 + 1;
    plan->taps = NULL;
    plan->weights = NULL;
    if (most > SIZE_MAX / sizeof(double) / (axis.count ? axis.count : 1))
        return -1;
    plan->taps = malloc(axis.count * sizeof(taps));
    plan->weights = malloc(axis.count * most * sizeof(int32_t));
    double *exact = malloc(most * sizeof(double));
    if (!plan->taps || !plan->weights || !exact) {
        free(exact);
        free_plan(plan);
        return -1;
    }
    for (size_t index = 0; index < axis.count; index++) {
        const double center = axis.start + ((double)(index + axis.first) + 0.5) * scale;
        double low = center - support + 0.5, high = center + support + 0.5;
        size_t first = low < 0 ? 0 : (size_t)low;
        size_t end = high < 0 ? 0 : (size_t)high;
        end = end > axis.length ? axis.length : end;
        first = first > end ? end : first;
        int32_t *weights = plan->weights + index * most;
        double sum = 0;
        for (size_t tap = 0; tap < end - first; tap++) {
            exact[tap] = kernel.value(((double)(tap + first) - center + 0.5) * inverse);
            sum += exact[tap];
        }
        for (size_t tap = 0; tap < end - first; tap++) {
            double weight = (sum != 0 ? exact[tap] / sum : exact[tap]) * (1 << precision_bits);
            weights[tap] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
        }
        plan->taps[index] = (taps){first, end - first, weights};
    }
    free(exact);
    return 0;
}

static inline uint8_t clip(int32_t sum) {
    int32_t value = sum >> precision_bits;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

static const int32_t half = 1 << (precision_bits - 1);

typedef uint8_t bytes4 __attribute__((vector_size(4)));
typedef int32_t ints4 __attribute__((vector_size(16)));

// `readable` is the number of bytes that may be read from `source` on: the vector path reads one byte more than a
// pixel.
MULTIVERSIONED
static void resample_row(const uint8_t *source, size_t readable, const taps *taps, size_t count,
                         uint8_t *result) {
    for (size_t x = 0; x < count; x++, result += 3) {
        const uint8_t *pixel = source + taps[x].first * 3;
        const int32_t *weights = taps[x].weights;
        size_t vectors = taps[x].count;
        if (vectors && (taps[x].first + vectors) * 3 + 1 > readable)
            vectors--;
        ints4 sum = {half, half, half, 0};
        size_t tap = 0;
        for (; tap < vectors; tap++, pixel += 3) {
            bytes4 bytes;
            memcpy(&bytes, pixel, 4);
            sum += __builtin_convertvector(bytes, ints4) * weights[tap];
        }
        for (; tap < taps[x].count; tap++, pixel += 3)
            for (int channel = 0; channel < 3; channel++)
                sum[channel] += pixel[channel] * weights[tap];
        for (int channel = 0; channel < 3; channel++)
            result[channel] = clip(sum[channel]);
    }
}

enum { block = 512 };

MULTIVERSIONED
static void resample_column_block(const uint8_t *rows, size_t stride, taps taps, size_t count,
                                  uint8_t *result) {
    int32_t sums[block];
    for (size_t index = 0; index < count; index++)
        sums[index] = half;
    for (size_t tap = 0; tap < taps.count; tap++) {
        const uint8_t *row = rows + (taps.first + tap) * stride;
        const int32_t weight = taps.weights[tap];
        for (size_t index = 0; index < count; index++)
            sums[index] += row[index] * weight;
    }
    for (size_t index = 0; index < count; index++)
        result[index] = clip(sums[index]);
}

static int makes_sense(resample_axis axis) {
    return axis.length > 0 && axis.target > 0 && axis.count > 0 && axis.first <= axis.target &&
           axis.count <= axis.target - axis.first && axis.start >= 0 && axis.end > axis.start &&
           axis.end <= (double)axis.length;
}

// Nothing to interpolate: a pass over this axis would only round integers.
static int is_copy(resample_axis axis) {
    return axis.target == axis.length && axis.start == 0 && axis.end == (double)axis.length;
}

// The order of the axes affects intermediate rounding. Since version 13, Pillow starts with the vertical axis if the
// height shrinks by more than twice as many pixels as the width; before, the horizontal axis always came first.
static int comes_vertical_first(resample_axis horizontal, resample_axis vertical) {
    if (vertical.length <= vertical.target)
        return 0;
    if (horizontal.length <= horizontal.target)
        return 1;
    return vertical.length - vertical.target > 2 * (horizontal.length - horizontal.target);
}

// RGB rows, `stride` bytes apart; `size` bytes may be read from `bytes` on.
typedef struct {
    const uint8_t *bytes;
    size_t stride;
    size_t size;
} rows;

// The samples of an axis that its plan reads: all requested ones if it is a copy.
static void extent(resample_axis axis, const plan *plan, size_t *first, size_t *end) {
    *first = axis.first;
    *end = axis.first + axis.count;
    if (plan->taps) {
        *first = plan->taps[0].first;
        *end = plan->taps[axis.count - 1].first + plan->taps[axis.count - 1].count;
    }
}

// `taps` begin at the first pixel of a row; without taps, rows are copied.
static void resample_rows(rows source, size_t height, const taps *taps, size_t width, uint8_t *result) {
    for (size_t y = 0; y < height; y++, result += width * 3) {
        const uint8_t *row = source.bytes + y * source.stride;
        if (taps)
            resample_row(row, source.size - y * source.stride, taps, width, result);
        else
            memcpy(result, row, width * 3);
    }
}

// `taps` begin at the first row; without taps, rows are copied. `stride` bytes of each row are used.
static void resample_columns(rows source, const taps *taps, size_t height, size_t stride, uint8_t *result) {
    for (size_t y = 0; y < height; y++, result += stride) {
        if (!taps) {
            memcpy(result, source.bytes + y * source.stride, stride);
            continue;
        }
        for (size_t at = 0; at < stride; at += block) {
            size_t count = stride - at < block ? stride - at : block;
            resample_column_block(source.bytes + at, source.stride, taps[y], count, result + at);
        }
    }
}

static void begin_at(plan *plan, size_t count, size_t first) {
    if (plan->taps)
        for (size_t index = 0; index < count; index++)
            plan->taps[index].first -= first;
}

int resample_rgb8(const uint8_t *source, resample_axis horizontal, resample_axis vertical,
                  resample_filter filter, uint8_t *result) {
    if (!makes_sense(horizontal) || !makes_sense(vertical))
        return -1;
    const kernel kernel = kernel_of(filter);
    const size_t source_stride = horizontal.length * 3, stride = horizontal.count * 3;
    plan columns = {NULL, NULL}, lines = {NULL, NULL};
    uint8_t *middle = NULL;
    int status = -1;
    if (!is_copy(vertical) && make_plan(vertical, kernel, &lines) != 0)
        goto done;
    if (!is_copy(horizontal) && make_plan(horizontal, kernel, &columns) != 0)
        goto done;

    // The part of the source that is read.
    size_t top, bottom, left, right;
    extent(vertical, &lines, &top, &bottom);
    extent(horizontal, &columns, &left, &right);
    begin_at(&lines, vertical.count, top);
    begin_at(&columns, horizontal.count, left);
    const rows part = {source + top * source_stride + left * 3, source_stride,
                       (vertical.length - top) * source_stride - left * 3};

    if (!lines.taps) {
        resample_rows(part, vertical.count, columns.taps, horizontal.count, result);
    } else if (!columns.taps) {
        resample_columns(part, lines.taps, vertical.count, stride, result);
    } else if (comes_vertical_first(horizontal, vertical)) {
        const size_t middle_stride = (right - left) * 3;
        if (!middle_stride || vertical.count > SIZE_MAX / middle_stride ||
            !(middle = malloc(vertical.count * middle_stride)))
            goto done;
        resample_columns(part, lines.taps, vertical.count, middle_stride, middle);
        const rows between = {middle, middle_stride, vertical.count * middle_stride};
        resample_rows(between, vertical.count, columns.taps, horizontal.count, result);
    } else {
        if (bottom - top > SIZE_MAX / stride || !(middle = malloc((bottom - top) * stride)))
            goto done;
        resample_rows(part, bottom - top, columns.taps, horizontal.count, middle);
        const rows between = {middle, stride, (bottom - top) * stride};
        resample_columns(between, lines.taps, vertical.count, stride, result);
    }
    status = 0;
done:
    free(middle);
    free_plan(&columns);
    free_plan(&lines);
    return status;
}
