// Separable resampling of 8-bit RGB in fixed-point arithmetic; antialiased, and equal to Pillow's bit for bit, but for the
// filter that is never widened.
#ifndef CKERNELS_RESAMPLE_H
#define CKERNELS_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    RESAMPLE_BOX,
    RESAMPLE_BILINEAR,
    RESAMPLE_BICUBIC,
    RESAMPLE_LANCZOS,
    RESAMPLE_LINEAR, // bilinear, never widened
} resample_filter;

// One axis: the interval [start, end) of `length` source samples is resampled to `target` samples, of which only
// `first` ..< `first + count` are computed. The kernel also reads samples outside the interval where they exist.
typedef struct {
    size_t length;
    double start;
    double end;
    size_t target;
    size_t first;
    size_t count;
} resample_axis;

// `source` has vertical.length rows of horizontal.length RGB pixels, `result` has vertical.count rows of
// horizontal.count. Returns 0, or -1 if it runs out of memory or an axis is invalid.
int resample_rgb8(const uint8_t *source, resample_axis horizontal, resample_axis vertical,
                  resample_filter filter, uint8_t *result);

#endif
