#include "Clones.h"
#include "ckernels.h"

#include <string.h>

// Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin and Gray, 2016): four results of a 3x3 convolution from 16
// products instead of 36. Tiles of 4 x 4 pixels, overlapping by two, and the weights are transformed by small integer
// matrices; the convolution becomes 16 matrix products, one per position in a tile, whose results are transformed back.
// All loops run over channels, one vector at a time.

enum { lanes = 16 };
typedef float vector __attribute__((vector_size(lanes * sizeof(float))));

typedef int32_t bits __attribute__((vector_size(lanes * sizeof(int32_t))));

// By address: passing vectors by value would require the same target on both sides.
CK_INLINE void load(vector *value, const float *from) { memcpy(value, from, sizeof *value); }

CK_INLINE void store(float *to, const vector *value) { memcpy(to, value, sizeof *value); }

// Multiplies the columns of `in`, `step` apart, with B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1].
CK_INLINE void spread4(const vector *in, vector *out, int step) {
    out[0] = in[0] - in[2 * step];
    out[step] = in[step] + in[2 * step];
    out[2 * step] = in[2 * step] - in[step];
    out[3 * step] = in[step] - in[3 * step];
}

CK_CLONES void ck_winograd_input(const ck_tiles *t, const float *map, const float *zeros, float *tiles, int64_t begin,
                                 int64_t end) {
    int64_t rows = (t->height + 1) / 2, columns = (t->width + 1) / 2, channels = t->inputs;
    int64_t place_stride = (end - begin) * columns * channels;
    for (int64_t r = begin; r < end; ++r) {
        const float *image = map + r / rows * t->height * t->width * channels;
        for (int64_t x = 0; x < columns; ++x, tiles += channels) {
            const float *pixels[16];
            for (int i = 0; i < 16; ++i) {
                int64_t row = r % rows * 2 - 1 + i / 4, column = x * 2 - 1 + i % 4;
                bool inside = row >= 0 && row < t->height && column >= 0 && column < t->width;
                pixels[i] = inside ? image + (row * t->width + column) * channels : zeros;
            }
            for (int64_t c = 0; c < channels; c += lanes) {
                vector d[16], e[16];
                for (int i = 0; i < 16; ++i) load(d + i, pixels[i] + c);
                for (int i = 0; i < 4; ++i) spread4(d + i, e + i, 4);
                for (int i = 0; i < 4; ++i) spread4(e + 4 * i, d + 4 * i, 1);
                for (int i = 0; i < 16; ++i) store(tiles + i * place_stride + c, d + i);
            }
        }
    }
}

CK_CLONES void ck_winograd_gradient(const ck_tiles *t, const float *map, const float *zeros, float *tiles, int64_t begin,
                                    int64_t end) {
    int64_t rows = (t->height + 1) / 2, columns = (t->width + 1) / 2, channels = t->outputs;
    int64_t place_stride = (end - begin) * columns * channels;
    for (int64_t r = begin; r < end; ++r) {
        const float *image = map + r / rows * t->height * t->width * channels;
        int64_t row = r % rows * 2;
        for (int64_t x = 0; x < columns; ++x, tiles += channels) {
            bool has_row = row + 1 < t->height, has_column = 2 * x + 1 < t->width;
            const float *first = image + (row * t->width + 2 * x) * channels, *second = first + t->width * channels;
            const float *pixels[4] = {first, has_column ? first + channels : zeros, has_row ? second : zeros,
                                      has_row && has_column ? second + channels : zeros};
            for (int64_t c = 0; c < channels; c += lanes) {
                // A = [1 0; 1 1; 1 -1; 0 -1] from both sides.
                vector g[4], e[8], d[16];
                for (int i = 0; i < 4; ++i) load(g + i, pixels[i] + c);
                for (int j = 0; j < 2; ++j) {
                    e[j] = g[j];
                    e[2 + j] = g[j] + g[2 + j];
                    e[4 + j] = g[j] - g[2 + j];
                    e[6 + j] = -g[2 + j];
                }
                for (int i = 0; i < 4; ++i) {
                    d[4 * i] = e[2 * i];
                    d[4 * i + 1] = e[2 * i] + e[2 * i + 1];
                    d[4 * i + 2] = e[2 * i] - e[2 * i + 1];
                    d[4 * i + 3] = -e[2 * i + 1];
                }
                for (int i = 0; i < 16; ++i) store(tiles + i * place_stride + c, d + i);
            }
        }
    }
}

CK_CLONES void ck_winograd_output(const ck_tiles *t, const float *tiles, const float *bias, bool rectified, float *map,
                                  int64_t begin, int64_t end) {
    int64_t rows = (t->height + 1) / 2, columns = (t->width + 1) / 2, channels = t->outputs;
    int64_t place_stride = (end - begin) * columns * channels;
    const vector zero = {0};
    for (int64_t r = begin; r < end; ++r) {
        float *image = map + r / rows * t->height * t->width * channels;
        int64_t row = r % rows * 2;
        for (int64_t x = 0; x < columns; ++x, tiles += channels) {
            bool has_row = row + 1 < t->height, has_column = 2 * x + 1 < t->width;
            float *first = image + (row * t->width + 2 * x) * channels, *second = first + t->width * channels;
            for (int64_t c = 0; c < channels; c += lanes) {
                // A^T = [1 1 1 0; 0 1 -1 -1] from both sides.
                vector e[8], result[4], base = zero;
                if (bias != NULL) load(&base, bias + c);
                for (int j = 0; j < 4; ++j) {
                    vector m[4];
                    for (int i = 0; i < 4; ++i) load(m + i, tiles + (4 * i + j) * place_stride + c);
                    e[j] = m[0] + m[1] + m[2];
                    e[4 + j] = m[1] - m[2] - m[3];
                }
                for (int i = 0; i < 2; ++i) {
                    result[2 * i] = e[4 * i] + e[4 * i + 1] + e[4 * i + 2] + base;
                    result[2 * i + 1] = e[4 * i + 1] - e[4 * i + 2] - e[4 * i + 3] + base;
                }
                // Replaces only values below zero, so that NaN stays NaN.
                for (int i = 0; i < 4 && rectified; ++i)
                    result[i] = (vector)((bits)result[i] & ~(bits)(result[i] < zero));
                store(first + c, result);
                if (has_column) store(first + channels + c, result + 1);
                if (has_row) store(second + c, result + 2);
                if (has_row && has_column) store(second + channels + c, result + 3);
            }
        }
    }
}

CK_CLONES void ck_winograd_weight(const float *weight, int64_t count, float *transformed, int64_t begin, int64_t end) {
    for (int64_t k = begin * lanes; k < end * lanes; k += lanes) {
        // G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1] from both sides.
        vector e[12];
        for (int j = 0; j < 3; ++j) {
            vector g[3];
            for (int i = 0; i < 3; ++i) load(g + i, weight + (3 * i + j) * count + k);
            e[j] = g[0];
            e[3 + j] = (g[0] + g[1] + g[2]) * 0.5f;
            e[6 + j] = (g[0] - g[1] + g[2]) * 0.5f;
            e[9 + j] = g[2];
        }
        for (int i = 0; i < 4; ++i) {
            const vector *g = e + 3 * i;
            float *to = transformed + 4 * i * count + k;
            vector plus = (g[0] + g[1] + g[2]) * 0.5f, minus = (g[0] - g[1] + g[2]) * 0.5f;
            store(to, g);
            store(to + count, &plus);
            store(to + 2 * count, &minus);
            store(to + 3 * count, g + 2);
        }
    }
}

CK_CLONES void ck_winograd_weight_gradient(const float *transformed, int64_t count, float *weight, int64_t begin,
                                           int64_t end) {
    for (int64_t k = begin * lanes; k < end * lanes; k += lanes) {
        // G^T from both sides.
        vector e[12];
        for (int j = 0; j < 4; ++j) {
            vector m[4];
            for (int i = 0; i < 4; ++i) load(m + i, transformed + (4 * i + j) * count + k);
            vector half_sum = (m[1] + m[2]) * 0.5f;
            e[j] = m[0] + half_sum;
            e[4 + j] = (m[1] - m[2]) * 0.5f;
            e[8 + j] = half_sum + m[3];
        }
        for (int i = 0; i < 3; ++i) {
            const vector *m = e + 4 * i;
            float *to = weight + 3 * i * count + k;
            vector half_sum = (m[1] + m[2]) * 0.5f;
            vector first = m[0] + half_sum, second = (m[1] - m[2]) * 0.5f, third = half_sum + m[3];
            store(to, &first);
            store(to + count, &second);
            store(to + 2 * count, &third);
        }
    }
}
