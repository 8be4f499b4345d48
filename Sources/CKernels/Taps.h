#ifndef CKERNELS_TAPS_H
#define CKERNELS_TAPS_H

#include <stdbool.h>
#include <stdint.h>

// Bilinear sampling is separable: the weight of a pixel in a cell is the product of a weight of its row and one of its
// column. Taps are these weights along one axis, the samples of a cell merged.
typedef struct ck_tap {
    int32_t place; // pixel along the axis
    int32_t slot; // where the pixel is in `places`
    float weight;
} ck_tap;

typedef struct ck_axis {
    ck_tap *taps; // of all cells, cell by cell
    int32_t *offsets; // cells + 1
    int32_t *places; // different pixels, ascending
    int32_t place_count;
    int32_t *slots; // by pixel, for the pixels between the first and the last
    int64_t cells;
    int64_t size;
    // Taps ordered by slot: taps that touch the pixel `places[s]` are by_place[place_offsets[s]]..<place_offsets[s + 1];
    // there `place` is the cell.
    ck_tap *by_place;
    int32_t *place_offsets;
    void *memory;
} ck_axis;

// Memory for axes of up to `size` pixels.
bool ck_axis_create(ck_axis *axis, int64_t cells, int64_t size, int64_t ratio);
void ck_axis_free(ck_axis *axis);

// RoIAlign: `start` and `extent` in pixels of the map. With a ratio of 0 a cell has as many samples as pixels.
void ck_axis_align(ck_axis *axis, int64_t size, float start, float extent, int64_t ratio);

// One sample at every cell's centre, held inside of the map.
void ck_axis_centers(ck_axis *axis, int64_t size, float start, float extent);

// One sample at start + step * i for every cell; pixels outside do not count.
void ck_axis_samples(ck_axis *axis, int64_t size, float start, float step);

// Fills by_place.
void ck_axis_transpose(ck_axis *axis);

#endif
