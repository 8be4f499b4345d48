#include "Transpose.h"

#include "Clones.h"

// Columns in groups of a cache line.
CK_CLONES static void transpose_float32(const uint32_t *from, int64_t rows, int64_t columns, uint32_t *to) {
    enum { side = 16 };
    for (int64_t c = 0; c < columns; c += side) {
        int64_t width = columns - c < side ? columns - c : side;
        for (int64_t r = 0; r < rows; ++r) {
            for (int64_t k = 0; k < width; ++k) to[(c + k) * rows + r] = from[r * columns + c + k];
        }
    }
}

CK_CLONES static void transpose_bfloat16(const uint16_t *from, int64_t rows, int64_t columns, uint16_t *to) {
    enum { side = 32 };
    for (int64_t c = 0; c < columns; c += side) {
        int64_t width = columns - c < side ? columns - c : side;
        for (int64_t r = 0; r < rows; ++r) {
            for (int64_t k = 0; k < width; ++k) to[(c + k) * rows + r] = from[r * columns + c + k];
        }
    }
}

void ck_transpose(const void *from, int64_t rows, int64_t columns, ck_dtype dtype, void *to) {
    if (dtype == CK_BFLOAT16) {
        transpose_bfloat16(from, rows, columns, to);
    } else {
        transpose_float32(from, rows, columns, to);
    }
}

void ck_channels_last(const void *from, int64_t channels, int64_t cells, ck_dtype dtype, void *to, int64_t begin,
                      int64_t end) {
    size_t bytes = (size_t)(channels * cells) * ck_element_size(dtype);
    for (int64_t r = begin; r < end; ++r) {
        ck_transpose((const char *)from + (size_t)r * bytes, channels, cells, dtype, (char *)to + (size_t)r * bytes);
    }
}
