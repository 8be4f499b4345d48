#include "Clones.h"
#include "Taps.h"
#include "Transpose.h"
#include "ckernels.h"

#include <stdlib.h>
#include <string.h>

// Channels processed at a time: few enough for the vector registers of AVX-512 and AVX2.
enum { block = 64 };

// MARK: - Element types

CK_INLINE float from_bfloat16(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

// Rounds to the nearest, ties to even, as libtorch does.
CK_INLINE uint16_t to_bfloat16(float value) {
    uint32_t wide;
    memcpy(&wide, &value, sizeof wide);
    uint32_t rounded = (wide + 0x7fff + ((wide >> 16) & 1)) >> 16;
    // Rounding a NaN could turn it into infinity.
    return (wide & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (uint16_t)rounded;
}

// sum += weight * source, for `count` channels.
CK_INLINE void accumulate(float *restrict sum, const void *source, int64_t at, float weight, bool half, int64_t count) {
    if (half) {
        const uint16_t *restrict from = (const uint16_t *)source + at;
        for (int64_t k = 0; k < count; ++k) sum[k] += weight * from_bfloat16(from[k]);
    } else {
        const float *restrict from = (const float *)source + at;
        for (int64_t k = 0; k < count; ++k) sum[k] += weight * from[k];
    }
}

// Writes past the caches, for results larger than the caches: 64 bytes at a time, aligned.
CK_INLINE void stream(float *target, const float *values, int64_t count) {
    typedef float line __attribute__((vector_size(64)));
    for (int64_t k = 0; k < count; k += 16) {
        line values_of_line;
        memcpy(&values_of_line, values + k, sizeof(line));
        __builtin_nontemporal_store(values_of_line, (line *)(target + k));
    }
}

// Makes the streamed data visible to other threads.
static void finish_streaming(void) {
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#endif
}

CK_INLINE void store(void *target, int64_t at, const float *restrict values, bool half, bool streams, int64_t count) {
    if (streams) {
        stream((float *)target + at, values, count);
    } else if (half) {
        uint16_t *restrict to = (uint16_t *)target + at;
        for (int64_t k = 0; k < count; ++k) to[k] = to_bfloat16(values[k]);
    } else {
        memcpy((float *)target + at, values, (size_t)count * sizeof(float));
    }
}

// MARK: - Regions

typedef struct workspace {
    ck_axis rows;
    ck_axis columns;
    float *cells; // a block of channels for every pixel or cell of a row
    void *region; // a pooled region, channels last
} workspace;

static bool create(workspace *work, const ck_pooling *p) {
    int64_t height = 1, width = 1;
    for (size_t l = 0; l < p->level_count; ++l) {
        if (p->levels[l].height > height) height = p->levels[l].height;
        if (p->levels[l].width > width) width = p->levels[l].width;
    }
    int64_t ratio = p->sampling == CK_CELL_CENTERS ? 1 : p->ratio;
    if (!ck_axis_create(&work->rows, p->rows, height, ratio)) return false;
    if (!ck_axis_create(&work->columns, p->columns, width, ratio)) {
        ck_axis_free(&work->rows);
        return false;
    }
    int64_t cells = width > p->columns ? width : p->columns;
    int64_t channels = (p->channels + block - 1) / block * block;
    work->cells = aligned_alloc(64, (size_t)cells * (size_t)channels * sizeof(float));
    work->region = malloc((size_t)(p->rows * p->columns * p->channels) * sizeof(float));
    if (work->cells != NULL && work->region != NULL) return true;
    free(work->cells);
    free(work->region);
    ck_axis_free(&work->rows);
    ck_axis_free(&work->columns);
    return false;
}

static void destroy(workspace *work) {
    ck_axis_free(&work->rows);
    ck_axis_free(&work->columns);
    free(work->cells);
    free(work->region);
}

static void place(workspace *work, const ck_pooling *p, const ck_level *level, const float *box) {
    if (p->sampling == CK_CELL_CENTERS) {
        float left = box[0] * level->scale, top = box[1] * level->scale;
        ck_axis_centers(&work->columns, level->width, left, box[2] * level->scale - left);
        ck_axis_centers(&work->rows, level->height, top, box[3] * level->scale - top);
        return;
    }
    float shift = p->sampling == CK_ALIGNED ? 0.5f : 0;
    float left = box[0] * level->scale - shift, top = box[1] * level->scale - shift;
    float width = box[2] * level->scale - shift - left, height = box[3] * level->scale - shift - top;
    if (p->sampling == CK_LEGACY) {
        if (width < 1) width = 1;
        if (height < 1) height = 1;
    }
    ck_axis_align(&work->columns, level->width, left, width, p->ratio);
    ck_axis_align(&work->rows, level->height, top, height, p->ratio);
}

// MARK: - Forward

// Sums the rows of a cell for every column that the region touches, then the columns for every cell. Sums stay in
// registers; maps are read along the channels.
CK_INLINE void sum_rows(const ck_tap *taps, int32_t tap_count, const void *map, int64_t at, int64_t row_stride,
                        float *cell, bool half, int64_t count) {
    float sum[block] = {0};
    for (int32_t t = 0; t < tap_count; ++t) {
        accumulate(sum, map, at + taps[t].place * row_stride, taps[t].weight, half, count);
    }
    memcpy(cell, sum, (size_t)count * sizeof(float));
}

CK_INLINE void sum_columns(const ck_tap *taps, int32_t tap_count, const float *cells, int64_t stride, void *pooled,
                           int64_t at, bool half, bool streams, int64_t count) {
    float sum[block] = {0};
    for (int32_t t = 0; t < tap_count; ++t) {
        accumulate(sum, cells, taps[t].slot * stride, taps[t].weight, false, count);
    }
    store(pooled, at, sum, half, streams, count);
}

CK_INLINE void pool_region(const workspace *work, const ck_pooling *p, const void *map, int64_t width, void *pooled,
                           bool half, bool streams) {
    const ck_axis *rows = &work->rows, *columns = &work->columns;
    const int64_t channels = p->channels, whole = channels / block * block, row_stride = width * channels;
    for (int64_t i = 0; i < p->rows; ++i) {
        const ck_tap *taps = rows->taps + rows->offsets[i];
        int32_t tap_count = rows->offsets[i + 1] - rows->offsets[i];
        for (int32_t s = 0; s < columns->place_count; ++s) {
            int64_t at = columns->places[s] * channels;
            float *cell = work->cells + s * channels;
            int64_t k = 0;
            for (; k < whole; k += block) sum_rows(taps, tap_count, map, at + k, row_stride, cell + k, half, block);
            if (k < channels) sum_rows(taps, tap_count, map, at + k, row_stride, cell + k, half, channels - k);
        }
        for (int64_t j = 0; j < p->columns; ++j) {
            const ck_tap *taps = columns->taps + columns->offsets[j];
            int32_t tap_count = columns->offsets[j + 1] - columns->offsets[j];
            int64_t at = (i * p->columns + j) * channels, k = 0;
            for (; k < whole; k += block) {
                sum_columns(taps, tap_count, work->cells + k, channels, pooled, at + k, half, streams, block);
            }
            if (k < channels) {
                sum_columns(taps, tap_count, work->cells + k, channels, pooled, at + k, half, false,
                            channels - k);
            }
        }
    }
}

CK_CLONES static void pool_float32(const workspace *work, const ck_pooling *p, const void *map, int64_t width,
                                   void *pooled) {
    pool_region(work, p, map, width, pooled, false, false);
}

CK_CLONES static void pool_streaming(const workspace *work, const ck_pooling *p, const void *map, int64_t width,
                                     void *pooled) {
    pool_region(work, p, map, width, pooled, false, true);
}

CK_CLONES static void pool_bfloat16(const workspace *work, const ck_pooling *p, const void *map, int64_t width,
                                    void *pooled) {
    pool_region(work, p, map, width, pooled, true, false);
}

bool ck_pool(const ck_pooling *p, const int64_t *order, bool channels_first, void *pooled, int64_t begin,
             int64_t end) {
    workspace work;
    if (!create(&work, p)) return false;
    // Results that fit into the second-level cache are better left there for the next layer.
    const int64_t large = 4 << 20;
    int64_t cells = p->rows * p->columns, region_size = cells * p->channels;
    size_t size = ck_element_size(p->dtype);
    bool streams = p->dtype == CK_FLOAT32 && p->channels % block == 0 && (uintptr_t)pooled % 64 == 0 &&
                   !channels_first && (end - begin) * region_size * 4 > large;
    void (*pool)(const workspace *, const ck_pooling *, const void *, int64_t, void *) =
        p->dtype == CK_BFLOAT16 ? pool_bfloat16 : streams ? pool_streaming : pool_float32;
    for (int64_t i = begin; i < end; ++i) {
        int64_t r = order[i];
        const ck_level *level = p->levels + p->region_levels[r];
        place(&work, p, level, p->boxes + 4 * r);
        const char *map =
            (const char *)level->map + (size_t)(p->images[r] * level->height * level->width * p->channels) * size;
        char *result = (char *)pooled + (size_t)(r * region_size) * size;
        pool(&work, p, map, level->width, channels_first ? work.region : result);
        if (channels_first) ck_transpose(work.region, cells, p->channels, p->dtype, result);
    }
    if (streams) finish_streaming();
    destroy(&work);
    return true;
}

// MARK: - Backward

// Sums the gradients of a region's cells for every row of pixels that it touches, then distributes them over the pixels
// of that row: every pixel of the map is read and written once.
CK_INLINE void spread_block(const workspace *work, const ck_pooling *p, float *map, int64_t width, const void *pooled,
                            int64_t channel, bool half, int64_t count) {
    const ck_axis *rows = &work->rows, *columns = &work->columns;
    for (int32_t y = 0; y < rows->place_count; ++y) {
        for (int64_t j = 0; j < p->columns; ++j) {
            float sum[block] = {0};
            for (int32_t t = rows->place_offsets[y]; t < rows->place_offsets[y + 1]; ++t) {
                int64_t at = (rows->by_place[t].place * p->columns + j) * p->channels + channel;
                accumulate(sum, pooled, at, rows->by_place[t].weight, half, count);
            }
            memcpy(work->cells + j * block, sum, (size_t)count * sizeof(float));
        }
        float *line = map + (int64_t)rows->places[y] * width * p->channels + channel;
        for (int32_t x = 0; x < columns->place_count; ++x) {
            float *pixel = line + columns->places[x] * p->channels;
            float sum[block];
            memcpy(sum, pixel, (size_t)count * sizeof(float));
            for (int32_t t = columns->place_offsets[x]; t < columns->place_offsets[x + 1]; ++t) {
                const float *cell = work->cells + columns->by_place[t].place * block;
                accumulate(sum, cell, 0, columns->by_place[t].weight, false, count);
            }
            memcpy(pixel, sum, (size_t)count * sizeof(float));
        }
    }
}

CK_CLONES static void spread_float32(const workspace *work, const ck_pooling *p, float *map, int64_t width,
                                     const void *pooled, int64_t channel, int64_t count) {
    if (count == block) {
        spread_block(work, p, map, width, pooled, channel, false, block);
    } else {
        spread_block(work, p, map, width, pooled, channel, false, count);
    }
}

CK_CLONES static void spread_bfloat16(const workspace *work, const ck_pooling *p, float *map, int64_t width,
                                      const void *pooled, int64_t channel, int64_t count) {
    if (count == block) {
        spread_block(work, p, map, width, pooled, channel, true, block);
    } else {
        spread_block(work, p, map, width, pooled, channel, true, count);
    }
}

int64_t ck_pool_backward_tasks(const ck_pooling *p, int64_t images) {
    return (p->channels + block - 1) / block * (int64_t)p->level_count * images;
}

bool ck_pool_backward(const ck_pooling *p, int64_t images, const int64_t *order, const int64_t *offsets,
                      const void *pooled, int64_t begin, int64_t end) {
    int64_t groups = (int64_t)p->level_count * images;
    workspace work;
    if (!create(&work, p)) return false;
    size_t size = ck_element_size(p->dtype);
    for (int64_t task = begin; task < end; ++task) {
        // Blocks are the outer index, so that contiguous ranges of tasks have equal work even if the groups are uneven.
        int64_t channel = task / groups * block, group = task % groups;
        int64_t count = p->channels - channel < block ? p->channels - channel : block;
        // In a fixed order of the regions, so that sums do not depend on how tasks are distributed.
        for (int64_t i = offsets[group]; i < offsets[group + 1]; ++i) {
            int64_t r = order[i];
            const ck_level *level = p->levels + p->region_levels[r];
            place(&work, p, level, p->boxes + 4 * r);
            ck_axis_transpose(&work.rows);
            ck_axis_transpose(&work.columns);
            float *map = (float *)level->map + p->images[r] * level->height * level->width * p->channels;
            const char *gradient = (const char *)pooled + (size_t)(r * p->rows * p->columns * p->channels) * size;
            (p->dtype == CK_BFLOAT16 ? spread_bfloat16 : spread_float32)(&work, p, map, level->width, gradient,
                                                                        channel, count);
        }
    }
    destroy(&work);
    return true;
}
