#include "Taps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The sample positions determine which pixels count; they are computed in the same steps and precision as in the
// reference.
#pragma STDC FP_CONTRACT OFF

bool ck_axis_create(ck_axis *axis, int64_t cells, int64_t size, int64_t ratio) {
    // A cell has at most one tap per pixel, and two per sample.
    int64_t a_cell = size;
    if (ratio > 0 && ratio < size / 2) a_cell = 2 * ratio;
    if (a_cell < 2) a_cell = 2;
    size_t taps = (size_t)(cells * a_cell);
    size_t bytes = 2 * taps * sizeof(ck_tap) + ((size_t)cells + 1 + 3 * (size_t)size + 1) * sizeof(int32_t);
    char *memory = malloc(bytes);
    if (memory == NULL) return false;
    *axis = (ck_axis){.cells = cells, .size = size, .memory = memory};
    axis->taps = (ck_tap *)memory;
    axis->by_place = axis->taps + taps;
    axis->offsets = (int32_t *)(axis->by_place + taps);
    axis->places = axis->offsets + cells + 1;
    axis->slots = axis->places + size;
    axis->place_offsets = axis->slots + size;
    return true;
}

void ck_axis_free(ck_axis *axis) {
    free(axis->memory);
    axis->memory = NULL;
}

static inline int32_t add(ck_tap *taps, int32_t first, int32_t count, int32_t place, float weight) {
    if (weight == 0) return count;
    // Samples of a cell proceed in one direction, so a pixel that already has a tap is among the last few.
    for (int32_t i = count - 1; i >= first && i >= count - 3; --i) {
        if (taps[i].place == place) {
            taps[i].weight += weight;
            return count;
        }
    }
    taps[count].place = place;
    taps[count].weight = weight;
    return count + 1;
}

// Numbers the touched pixels.
static void number(ck_axis *axis) {
    int32_t count = axis->offsets[axis->cells];
    int32_t low = INT32_MAX, high = -1;
    for (int32_t i = 0; i < count; ++i) {
        int32_t place = axis->taps[i].place;
        if (place < low) low = place;
        if (place > high) high = place;
    }
    axis->place_count = 0;
    if (high < 0) return;
    memset(axis->slots, 0, (size_t)(high - low + 1) * sizeof(int32_t));
    for (int32_t i = 0; i < count; ++i) axis->slots[axis->taps[i].place - low] = 1;
    for (int32_t place = low; place <= high; ++place) {
        if (axis->slots[place - low] == 0) continue;
        axis->slots[place - low] = axis->place_count;
        axis->places[axis->place_count++] = place;
    }
    for (int32_t i = 0; i < count; ++i) axis->taps[i].slot = axis->slots[axis->taps[i].place - low];
}

void ck_axis_align(ck_axis *axis, int64_t size, float start, float extent, int64_t ratio) {
    float cell = extent / (float)axis->cells;
    float samples = ratio > 0 ? (float)ratio : ceilf(extent / (float)axis->cells);
    // A cell of millions of pixels: float has no digits left for its samples, and the few that would hit the map are
    // lost in the average.
    if (!(samples <= 1 << 22)) samples = 0;
    float share = samples > 1 ? 1 / samples : 1;
    int32_t last = (int32_t)size - 1;
    int32_t count = 0;
    for (int64_t c = 0; c < axis->cells; ++c) {
        axis->offsets[c] = count;
        int32_t first_tap = count;
        float base = start + (float)c * cell;
        // Only samples from -1 to `size` count. If there are many, those far outside are skipped: the bounds are
        // generous, and the test below decides.
        int32_t from = 0, to = (int32_t)samples;
        if (ratio <= 0 && samples > 4) {
            float step = cell / samples;
            from = (int32_t)fminf(fmaxf(floorf((-1 - base) / step) - 2, 0), samples);
            to = (int32_t)fmaxf(fminf(ceilf(((float)size - base) / step) + 2, samples), 0);
        }
        for (int32_t i = from; i < to; ++i) {
            float at = base + ((float)i + 0.5f) * cell / samples;
            if (!(at >= -1 && at <= (float)size)) continue;
            if (at < 0) at = 0;
            int32_t low = (int32_t)at;
            if (low >= last) {
                count = add(axis->taps, first_tap, count, last, share);
                continue;
            }
            float rest = at - (float)low;
            count = add(axis->taps, first_tap, count, low, (1 - rest) * share);
            count = add(axis->taps, first_tap, count, low + 1, rest * share);
        }
    }
    axis->offsets[axis->cells] = count;
    number(axis);
}

void ck_axis_centers(ck_axis *axis, int64_t size, float start, float extent) {
    float last = (float)(size - 1);
    int32_t count = 0;
    for (int64_t c = 0; c < axis->cells; ++c) {
        axis->offsets[c] = count;
        int32_t first_tap = count;
        float at = start + ((float)c + 0.5f) * extent / (float)axis->cells;
        at = fminf(fmaxf(at, 0), last);
        int32_t low = (int32_t)at;
        float rest = at - (float)low;
        count = add(axis->taps, first_tap, count, low, 1 - rest);
        if (rest > 0) count = add(axis->taps, first_tap, count, low + 1, rest);
    }
    axis->offsets[axis->cells] = count;
    number(axis);
}

void ck_axis_samples(ck_axis *axis, int64_t size, float start, float step) {
    int32_t count = 0;
    for (int64_t c = 0; c < axis->cells; ++c) {
        axis->offsets[c] = count;
        int32_t first_tap = count;
        float at = start + (float)c * step;
        if (!(at > -1 && at < (float)size)) continue;
        float low = floorf(at);
        float rest = at - low;
        if (low >= 0) count = add(axis->taps, first_tap, count, (int32_t)low, 1 - rest);
        if (low + 1 < (float)size) count = add(axis->taps, first_tap, count, (int32_t)low + 1, rest);
    }
    axis->offsets[axis->cells] = count;
    number(axis);
}

void ck_axis_transpose(ck_axis *axis) {
    int32_t *offsets = axis->place_offsets;
    memset(offsets, 0, (size_t)(axis->place_count + 1) * sizeof(int32_t));
    int32_t count = axis->offsets[axis->cells];
    for (int32_t i = 0; i < count; ++i) ++offsets[axis->taps[i].slot + 1];
    for (int32_t s = 0; s < axis->place_count; ++s) offsets[s + 1] += offsets[s];
    // Cell by cell, so that the taps of a pixel are in the order of the cells.
    int32_t *next = axis->slots;
    memcpy(next, offsets, (size_t)axis->place_count * sizeof(int32_t));
    for (int64_t c = 0; c < axis->cells; ++c) {
        for (int32_t i = axis->offsets[c]; i < axis->offsets[c + 1]; ++i) {
            int32_t slot = axis->taps[i].slot;
            axis->by_place[next[slot]++] = (ck_tap){.place = (int32_t)c, .slot = slot, .weight = axis->taps[i].weight};
        }
    }
}
