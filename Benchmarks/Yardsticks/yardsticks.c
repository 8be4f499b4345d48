#include "yardsticks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct sample {
    int64_t places[4];
    float weights[4];
} sample;

// All samples of a region, cell by cell.
static void find_samples(sample *samples, const float *box, float scale, int64_t height, int64_t width, int64_t side,
                         int64_t ratio) {
    float left = box[0] * scale - 0.5f, top = box[1] * scale - 0.5f;
    float cell_width = (box[2] * scale - 0.5f - left) / side, cell_height = (box[3] * scale - 0.5f - top) / side;
    for (int64_t i = 0; i < side; ++i)
        for (int64_t j = 0; j < side; ++j)
            for (int64_t k = 0; k < ratio; ++k)
                for (int64_t l = 0; l < ratio; ++l, ++samples) {
                    float y = top + i * cell_height + (k + 0.5f) * cell_height / ratio;
                    float x = left + j * cell_width + (l + 0.5f) * cell_width / ratio;
                    memset(samples, 0, sizeof *samples);
                    if (y < -1 || y > height || x < -1 || x > width) continue;
                    if (y < 0) y = 0;
                    if (x < 0) x = 0;
                    int64_t y0 = (int64_t)y, x0 = (int64_t)x, y1 = y0 + 1, x1 = x0 + 1;
                    if (y0 >= height - 1) y = y0 = y1 = height - 1;
                    if (x0 >= width - 1) x = x0 = x1 = width - 1;
                    float v = y - y0, u = x - x0;
                    *samples = (sample){{y0 * width + x0, y0 * width + x1, y1 * width + x0, y1 * width + x1},
                                        {(1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u}};
                }
}

void yardstick_roi_align(const float *map, int64_t channels, int64_t height, int64_t width, const float *boxes,
                         int64_t regions, float scale, int64_t side, int64_t ratio, float *pooled) {
    sample *samples = malloc(sizeof(sample) * (size_t)(side * side * ratio * ratio));
    for (int64_t r = 0; r < regions; ++r) {
        find_samples(samples, boxes + 4 * r, scale, height, width, side, ratio);
        for (int64_t c = 0; c < channels; ++c) {
            const float *from = map + c * height * width;
            float *to = pooled + (r * channels + c) * side * side;
            const sample *next = samples;
            for (int64_t cell = 0; cell < side * side; ++cell) {
                float sum = 0;
                for (int64_t k = 0; k < ratio * ratio; ++k, ++next)
                    sum += next->weights[0] * from[next->places[0]] + next->weights[1] * from[next->places[1]] +
                           next->weights[2] * from[next->places[2]] + next->weights[3] * from[next->places[3]];
                to[cell] = sum / (ratio * ratio);
            }
        }
    }
    free(samples);
}

void yardstick_roi_align_backward(const float *gradient, int64_t channels, int64_t height, int64_t width,
                                  const float *boxes, int64_t regions, float scale, int64_t side, int64_t ratio,
                                  float *map) {
    sample *samples = malloc(sizeof(sample) * (size_t)(side * side * ratio * ratio));
    for (int64_t r = 0; r < regions; ++r) {
        find_samples(samples, boxes + 4 * r, scale, height, width, side, ratio);
        for (int64_t c = 0; c < channels; ++c) {
            float *to = map + c * height * width;
            const float *from = gradient + (r * channels + c) * side * side;
            const sample *next = samples;
            for (int64_t cell = 0; cell < side * side; ++cell) {
                float share = from[cell] / (ratio * ratio);
                for (int64_t k = 0; k < ratio * ratio; ++k, ++next)
                    for (int64_t corner = 0; corner < 4; ++corner)
                        to[next->places[corner]] += next->weights[corner] * share;
            }
        }
    }
    free(samples);
}

int64_t yardstick_touched_pixels(int64_t height, int64_t width, const float *boxes, int64_t regions, float scale,
                                 int64_t side, int64_t ratio) {
    int64_t count = side * side * ratio * ratio, touched = 0;
    sample *samples = malloc(sizeof(sample) * (size_t)count);
    uint8_t *seen = calloc((size_t)(height * width), 1);
    for (int64_t r = 0; r < regions; ++r) {
        find_samples(samples, boxes + 4 * r, scale, height, width, side, ratio);
        for (int64_t k = 0; k < count; ++k)
            for (int64_t corner = 0; corner < 4; ++corner) {
                uint8_t *pixel = seen + samples[k].places[corner];
                if (*pixel == 0 && samples[k].weights[corner] != 0) touched += *pixel = 1;
            }
    }
    free(seen);
    free(samples);
    return touched;
}

typedef struct scored {
    float score;
    int64_t row;
} scored;

static int falling(const void *left, const void *right) {
    const scored *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

void yardstick_suppression(const float *boxes, const float *scores, const int64_t *classes, int64_t count,
                           int64_t class_count, float threshold, uint8_t *keep) {
    scored *some = malloc(sizeof(scored) * (size_t)count);
    uint8_t *suppressed = malloc((size_t)count);
    memset(keep, 0, (size_t)count);
    for (int64_t c = 0; c < class_count; ++c) {
        int64_t n = 0;
        for (int64_t i = 0; i < count; ++i)
            if (classes[i] == c) some[n++] = (scored){scores[i], i};
        qsort(some, (size_t)n, sizeof(scored), falling);
        memset(suppressed, 0, (size_t)n);
        for (int64_t i = 0; i < n; ++i) {
            if (suppressed[i]) continue;
            const float *a = boxes + 4 * some[i].row;
            keep[some[i].row] = 1;
            float area = (a[2] - a[0]) * (a[3] - a[1]);
            for (int64_t j = i + 1; j < n; ++j) {
                if (suppressed[j]) continue;
                const float *b = boxes + 4 * some[j].row;
                float w = fmaxf(fminf(a[2], b[2]) - fmaxf(a[0], b[0]), 0);
                float h = fmaxf(fminf(a[3], b[3]) - fmaxf(a[1], b[1]), 0);
                float common = w * h;
                if (common / (area + (b[2] - b[0]) * (b[3] - b[1]) - common) > threshold) suppressed[j] = 1;
            }
        }
    }
    free(suppressed);
    free(some);
}

void yardstick_paste(const float *masks, int64_t count, int64_t side, const float *boxes, int64_t height,
                     int64_t width, uint8_t *pasted) {
    for (int64_t m = 0; m < count; ++m) {
        const float *mask = masks + m * side * side, *box = boxes + 4 * m;
        for (int64_t y = 0; y < height; ++y)
            for (int64_t x = 0; x < width; ++x) {
                float v = (y + 0.5f - box[1]) / (box[3] - box[1]) * side - 0.5f;
                float u = (x + 0.5f - box[0]) / (box[2] - box[0]) * side - 0.5f;
                float value = 0, y0 = floorf(v), x0 = floorf(u);
                for (int64_t k = 0; k < 2; ++k)
                    for (int64_t l = 0; l < 2; ++l) {
                        float row = y0 + k, column = x0 + l;
                        if (row < 0 || row >= side || column < 0 || column >= side) continue;
                        value += (1 - fabsf(v - row)) * (1 - fabsf(u - column)) *
                                 mask[(int64_t)row * side + (int64_t)column];
                    }
                pasted[(m * height + y) * width + x] = value >= 0.5f;
            }
    }
}
