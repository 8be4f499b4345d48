#ifndef CKERNELS_TAPS_H
#define CKERNELS_TAPS_H

#include <stdbool.h>
#include <stdint.h>

// Bilinear sampling is separable: the weight of a pixel in a cell is the product of its row's weight and its column's.
// Taps are these weights along one axis, merged over the samples of a cell.
typedef struct ck_tap {
    int32_t place; // pixel along the axis
    int32_t slot; // index of the pixel in `places`
    float weight;
} ck_tap;

typedef struct ck_axis {
    ck_tap *taps; // for all cells, cell by cell
    int32_t *offsets; // cells + 1
    int32_t *places; // distinct pixels, ascending
    int32_t place_count;
    int32_t *slots; // by pixel, for the pixels between the first and the last
    int64_t cells;
    int64_t size;
    // Taps sorted by slot: the taps of pixel `places[s]` are by_place[place_offsets[s]]..<place_offsets[s + 1]; there,
    // `place` is the cell.
    ck_tap *by_place;
    int32_t *place_offsets;
    void *memory;
} ck_axis;

// Allocates axes of up to `size` pixels.
bool ck_axis_create(ck_axis *axis, int64_t cells, int64_t size, int64_t ratio);
void ck_axis_free(ck_axis *axis);

// RoIAlign: `start` and `extent` in pixels of the map. With a ratio of 0, a cell has one sample per pixel.
void ck_axis_align(ck_axis *axis, int64_t size, float start, float extent, int64_t ratio);

// One sample at every cell's center, clamped to the map.
void ck_axis_centers(ck_axis *axis, int64_t size, float start, float extent);

// One sample at start + step * i for every cell; pixels outside are ignored.
void ck_axis_samples(ck_axis *axis, int64_t size, float start, float step);

// Fills by_place.
void ck_axis_transpose(ck_axis *axis);

#endif
