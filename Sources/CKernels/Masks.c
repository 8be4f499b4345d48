#include "Clones.h"
#include "Taps.h"
#include "ckernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// MARK: - Pasting

// Where a pixel falls in a mask, along one axis.
typedef struct position {
    int32_t low; // place of the first of two values, in a row with a zero before the first and after the last
    float rest; // share of the second
} position;

// The pixels, of `size`, that a box touches at all; positions for these.
static void positions(position *all, int64_t size, float start, float end, int64_t side, int64_t *first,
                      int64_t *last) {
    float scale = (float)side / (end - start);
    // Half a cell more than the box on each side: there the value fades to zero.
    float margin = (end - start) / (float)side;
    float low = fmaxf(floorf(start - margin) - 1, 0), high = fminf(ceilf(end + margin) + 1, (float)size);
    *first = *last = 0;
    if (!(low < high)) return;
    *first = (int64_t)low;
    *last = *first;
    for (int64_t i = *first; i < (int64_t)high; ++i) {
        float at = ((float)i + 0.5f - start) * scale - 0.5f;
        if (at <= -1) {
            *first = *last = i + 1;
            continue;
        }
        if (!(at < (float)side)) break;
        float whole = floorf(at);
        all[i] = (position){.low = (int32_t)whole + 1, .rest = at - whole};
        *last = i + 1;
    }
}

CK_CLONES static void paste_row(const float *restrict row, const position *restrict columns, int64_t count,
                                float threshold, uint8_t *restrict binary) {
    for (int64_t x = 0; x < count; ++x) {
        float left = row[columns[x].low], right = row[columns[x].low + 1];
        binary[x] = left + (right - left) * columns[x].rest >= threshold;
    }
}

CK_CLONES static void paste_soft_row(const float *restrict row, const position *restrict columns, int64_t count,
                                     float *restrict soft) {
    for (int64_t x = 0; x < count; ++x) {
        float left = row[columns[x].low], right = row[columns[x].low + 1];
        soft[x] = left + (right - left) * columns[x].rest;
    }
}

bool ck_paste(const float *masks, int64_t side, const float *boxes, int64_t height, int64_t width, float threshold,
              uint8_t *binary, float *soft, int64_t begin, int64_t end) {
    position *columns = malloc((size_t)(height + width) * sizeof(position) + (size_t)(side + 2) * sizeof(float));
    if (columns == NULL) return false;
    position *rows = columns + width;
    float *row = (float *)(rows + height);
    row[0] = row[side + 1] = 0;
    for (int64_t m = begin; m < end; ++m) {
        const float *box = boxes + 4 * m;
        if (!(box[2] > box[0] && box[3] > box[1])) continue;
        int64_t left, right, top, bottom;
        positions(columns, width, box[0], box[2], side, &left, &right);
        positions(rows, height, box[1], box[3], side, &top, &bottom);
        const float *mask = masks + m * side * side;
        for (int64_t y = top; y < bottom; ++y) {
            const float *upper = mask + (rows[y].low - 1) * side, *lower = upper + side;
            float first = rows[y].low > 0 ? 1 - rows[y].rest : 0, second = rows[y].low < side ? rows[y].rest : 0;
            if (rows[y].low <= 0) upper = lower;
            if (rows[y].low >= side) lower = upper;
            for (int64_t x = 0; x < side; ++x) row[x + 1] = upper[x] * first + lower[x] * second;
            int64_t at = (m * height + y) * width + left;
            if (binary != NULL) paste_row(row, columns + left, right - left, threshold, binary + at);
            if (soft != NULL) paste_soft_row(row, columns + left, right - left, soft + at);
        }
    }
    free(columns);
    return true;
}

// MARK: - Targets

// The result of weights along both axes.
static void apply(const ck_axis *rows, const ck_axis *columns, const uint8_t *mask, int64_t width, float *cells,
                  float *result) {
    for (int64_t i = 0; i < rows->cells; ++i) {
        for (int32_t s = 0; s < columns->place_count; ++s) cells[s] = 0;
        for (int32_t t = rows->offsets[i]; t < rows->offsets[i + 1]; ++t) {
            const uint8_t *line = mask + rows->taps[t].place * width;
            float weight = rows->taps[t].weight;
            for (int32_t s = 0; s < columns->place_count; ++s) {
                cells[s] += weight * (line[columns->places[s]] != 0 ? 1.0f : 0.0f);
            }
        }
        for (int64_t j = 0; j < columns->cells; ++j) {
            float sum = 0;
            for (int32_t t = columns->offsets[j]; t < columns->offsets[j + 1]; ++t) {
                sum += columns->taps[t].weight * cells[columns->taps[t].slot];
            }
            result[i * columns->cells + j] = sum;
        }
    }
}

typedef struct workspace {
    ck_axis rows;
    ck_axis columns;
    float *cells;
} workspace;

static bool create(workspace *work, int64_t height, int64_t width, int64_t side, int64_t ratio) {
    if (!ck_axis_create(&work->rows, side, height, ratio)) return false;
    if (!ck_axis_create(&work->columns, side, width, ratio)) {
        ck_axis_free(&work->rows);
        return false;
    }
    work->cells = malloc((size_t)width * sizeof(float));
    if (work->cells != NULL) return true;
    ck_axis_free(&work->rows);
    ck_axis_free(&work->columns);
    return false;
}

static void destroy(workspace *work) {
    ck_axis_free(&work->rows);
    ck_axis_free(&work->columns);
    free(work->cells);
}

bool ck_crop_masks(const uint8_t *masks, int64_t height, int64_t width, const int64_t *mask_index, const float *boxes,
                   int64_t side, float *result, int64_t begin, int64_t end) {
    workspace work;
    if (!create(&work, height, width, side, 0)) return false;
    for (int64_t r = begin; r < end; ++r) {
        const float *box = boxes + 4 * r;
        float left = box[0] - 0.5f, top = box[1] - 0.5f;
        ck_axis_align(&work.columns, width, left, box[2] - 0.5f - left, 0);
        ck_axis_align(&work.rows, height, top, box[3] - 0.5f - top, 0);
        apply(&work.rows, &work.columns, masks + mask_index[r] * height * width, width, work.cells,
              result + r * side * side);
    }
    destroy(&work);
    return true;
}

bool ck_resample_box_masks(const uint8_t *masks, int64_t size, const int64_t *mask_index, const float *mask_boxes,
                           const float *regions, int64_t side, float *result, int64_t begin, int64_t end) {
    workspace work;
    if (!create(&work, size, size, side, 1)) return false;
    for (int64_t r = begin; r < end; ++r) {
        const float *box = mask_boxes + 4 * mask_index[r], *region = regions + 4 * r;
        ck_axis *axes[2] = {&work.columns, &work.rows};
        for (int axis = 0; axis < 2; ++axis) {
            float scale = (float)size / (box[axis + 2] - box[axis]);
            float step = (region[axis + 2] - region[axis]) / (float)side;
            ck_axis_samples(axes[axis], size, (region[axis] - box[axis] + 0.5f * step) * scale, step * scale);
        }
        apply(&work.rows, &work.columns, masks + mask_index[r] * size * size, size, work.cells,
              result + r * side * side);
    }
    destroy(&work);
    return true;
}
