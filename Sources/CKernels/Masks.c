#include "Clones.h"
#include "Taps.h"
#include "ckernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// MARK: - Pasting

// The position of a pixel in a mask, along one axis.
typedef struct position {
    int32_t low; // index of the first of two values, in a row with a zero before the first and after the last
    float rest; // weight of the second
} position;

// The pixels, of `size`, that a box touches, and their positions.
static void positions(position *all, int64_t size, float start, float end, int64_t side, int64_t *first,
                      int64_t *last) {
    float scale = (float)side / (end - start);
    // The mask extends half a cell beyond the box on each side, where the value fades to zero.
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

// The pixels that a mask touches, and their positions in it.
typedef struct placement {
    position *columns;
    position *rows;
    float *row; // a row of the mask between two zeros
    int64_t left, right, top, bottom;
} placement;

static bool create_placement(placement *place, int64_t side, int64_t height, int64_t width) {
    place->columns = malloc((size_t)(height + width) * sizeof(position) + (size_t)(side + 2) * sizeof(float));
    if (place->columns == NULL) return false;
    place->rows = place->columns + width;
    place->row = (float *)(place->rows + height);
    place->row[0] = place->row[side + 1] = 0;
    return true;
}

// Returns false for a box without area, which touches nothing.
static bool find_placement(placement *place, const float *box, int64_t side, int64_t height, int64_t width) {
    if (!(box[2] > box[0] && box[3] > box[1])) return false;
    positions(place->columns, width, box[0], box[2], side, &place->left, &place->right);
    positions(place->rows, height, box[1], box[3], side, &place->top, &place->bottom);
    return true;
}

// Writes the pixels that the mask touches; `binary` or `soft` points to the first one, rows are `stride` apart.
static void paste_mask(const placement *place, const float *mask, int64_t side, float threshold, int64_t stride,
                       uint8_t *binary, float *soft) {
    float *row = place->row;
    for (int64_t y = place->top; y < place->bottom; ++y) {
        position at = place->rows[y];
        const float *upper = mask + (at.low - 1) * side, *lower = upper + side;
        float first = at.low > 0 ? 1 - at.rest : 0, second = at.low < side ? at.rest : 0;
        if (at.low <= 0) upper = lower;
        if (at.low >= side) lower = upper;
        for (int64_t x = 0; x < side; ++x) row[x + 1] = upper[x] * first + lower[x] * second;
        int64_t start = (y - place->top) * stride, count = place->right - place->left;
        if (binary != NULL) paste_row(row, place->columns + place->left, count, threshold, binary + start);
        if (soft != NULL) paste_soft_row(row, place->columns + place->left, count, soft + start);
    }
}

bool ck_paste(const float *masks, int64_t side, const float *boxes, int64_t height, int64_t width, float threshold,
              uint8_t *binary, float *soft, int64_t begin, int64_t end) {
    placement place;
    if (!create_placement(&place, side, height, width)) return false;
    for (int64_t m = begin; m < end; ++m) {
        if (!find_placement(&place, boxes + 4 * m, side, height, width)) continue;
        int64_t start = (m * height + place.top) * width + place.left;
        paste_mask(&place, masks + m * side * side, side, threshold, width, binary != NULL ? binary + start : NULL,
                   soft != NULL ? soft + start : NULL);
    }
    free(place.columns);
    return true;
}

bool ck_paste_crop(const float *mask, int64_t side, const float *box, int64_t height, int64_t width, float threshold,
                   int64_t first, int64_t last, int64_t bounds[4], uint8_t *crop) {
    placement place;
    if (!create_placement(&place, side, height, width)) return false;
    bool touches = find_placement(&place, box, side, height, width);
    if (touches) {
        if (place.top < first) place.top = first;
        if (place.bottom > last) place.bottom = last;
        touches = place.left < place.right && place.top < place.bottom;
    }
    bounds[0] = touches ? place.left : 0;
    bounds[1] = touches ? place.top : 0;
    bounds[2] = touches ? place.right : 0;
    bounds[3] = touches ? place.bottom : 0;
    if (crop != NULL && touches) paste_mask(&place, mask, side, threshold, bounds[2] - bounds[0], crop, NULL);
    free(place.columns);
    return true;
}

// MARK: - Drawing

// opacity 255 is the color itself.
static void mix(uint8_t *pixel, const uint8_t color[3], int32_t opacity) {
    for (int channel = 0; channel < 3; ++channel)
        pixel[channel] = (uint8_t)((color[channel] * opacity + pixel[channel] * (255 - opacity) + 127) / 255);
}

void ck_draw_mask(const uint8_t *mask, int64_t columns, int64_t rows, int64_t first, int64_t last,
                  const uint8_t color[3], int32_t opacity, bool outline, uint8_t *rgb, int64_t stride) {
    for (int64_t y = first; y < last; ++y) {
        const uint8_t *line = mask + y * columns;
        uint8_t *pixel = rgb + y * stride;
        for (int64_t x = 0; x < columns; ++x, pixel += 3) {
            if (line[x] == 0) continue;
            // Pixels that are not stored are outside, as are those beyond the picture.
            bool edge = outline && (x == 0 || x == columns - 1 || y == 0 || y == rows - 1 || line[x - 1] == 0 ||
                                    line[x + 1] == 0 || line[x - columns] == 0 || line[x + columns] == 0);
            mix(pixel, color, edge ? 255 : opacity);
        }
    }
}

void ck_draw_box(int64_t columns, int64_t rows, const uint8_t color[3], int32_t opacity, uint8_t *rgb, int64_t stride) {
    for (int64_t y = 0; y < rows; ++y)
        for (int64_t x = 0; x < columns; ++x) mix(rgb + y * stride + 3 * x, color, opacity);
}

// MARK: - Targets

// Applies the weights along both axes.
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
