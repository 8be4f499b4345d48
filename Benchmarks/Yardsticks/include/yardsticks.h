// Reference implementations for the detection kernels: the same work in the order in which the usual libraries do it,
// on one thread, compiled with the same options. Not part of any product.

#ifndef YARDSTICKS_H
#define YARDSTICKS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// RoIAlign, aligned, of one map [channels, height, width]: within a region, channels are the outermost loop, as in
// torchvision on the CPU. `boxes` has four numbers per region; `pooled` is [regions, channels, side, side].
void yardstick_roi_align(const float *map, int64_t channels, int64_t height, int64_t width, const float *boxes,
                         int64_t regions, float scale, int64_t side, int64_t ratio, float *pooled);

// Adds the gradient of the map.
void yardstick_roi_align_backward(const float *gradient, int64_t channels, int64_t height, int64_t width,
                                  const float *boxes, int64_t regions, float scale, int64_t side, int64_t ratio,
                                  float *map);

// The number of pixels of the map that RoIAlign reads.
int64_t yardstick_touched_pixels(int64_t height, int64_t width, const float *boxes, int64_t regions, float scale,
                                 int64_t side, int64_t ratio);

// Greedy suppression, one class after another, box by box. Writes 1 for the boxes that are kept.
void yardstick_suppression(const float *boxes, const float *scores, const int64_t *classes, int64_t count,
                           int64_t class_count, float threshold, uint8_t *keep);

// Samples every mask [side, side] bilinearly at all pixels of the image, then thresholds at one half.
void yardstick_paste(const float *masks, int64_t count, int64_t side, const float *boxes, int64_t height,
                     int64_t width, uint8_t *pasted);

// Starts counting the multiplications and additions in libtorch's products and convolutions, as plain sums.
void yardstick_count_operations(void);

// Stops counting and reports the operations layer by layer.
void yardstick_operations(void (*found)(const char *layer, double operations, void *context), void *context);

#ifdef __cplusplus
}
#endif

#endif
