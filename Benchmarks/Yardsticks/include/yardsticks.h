// What the kernels of detection are measured against: the same work in the order in which the usual libraries do it,
// on one thread, compiled with the same options. Not part of any product.

#ifndef YARDSTICKS_H
#define YARDSTICKS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// RoIAlign, aligned, of one map [channels, height, width]: channel by channel outermost inside a region, as torchvision
// does it on the processor. `boxes` has four numbers a region; `pooled` is [regions, channels, side, side].
void yardstick_roi_align(const float *map, int64_t channels, int64_t height, int64_t width, const float *boxes,
                         int64_t regions, float scale, int64_t side, int64_t ratio, float *pooled);

// Adds the gradient of the map.
void yardstick_roi_align_backward(const float *gradient, int64_t channels, int64_t height, int64_t width,
                                  const float *boxes, int64_t regions, float scale, int64_t side, int64_t ratio,
                                  float *map);

// How many pixels of the map RoIAlign reads at all.
int64_t yardstick_touched_pixels(int64_t height, int64_t width, const float *boxes, int64_t regions, float scale,
                                 int64_t side, int64_t ratio);

// Greedy suppression, one class after another, box by box. Writes 1 for the boxes that stay.
void yardstick_suppression(const float *boxes, const float *scores, const int64_t *classes, int64_t count,
                           int64_t class_count, float threshold, uint8_t *keep);

// Every mask [side, side] sampled bilinearly at all pixels of the image, then compared with one half.
void yardstick_paste(const float *masks, int64_t count, int64_t side, const float *boxes, int64_t height,
                     int64_t width, uint8_t *pasted);

// Counts the multiplications and additions of libtorch's products and convolutions from now on, as plain sums.
void yardstick_count_operations(void);

// Stops counting, and tells what there was, layer by layer.
void yardstick_operations(void (*found)(const char *layer, double operations, void *context), void *context);

#ifdef __cplusplus
}
#endif

#endif
