#include "Clones.h"
#include "ckernels.h"

#include <string.h>

// Numbers as bytes: divided by a step, moved by an offset, rounded to the nearest and cut off at 0 and 255.

bool ck_has_byte_products(void) {
#if defined(__x86_64__)
    // Without these products oneDNN's sums of bytes overflow 16 bits, and are no faster than float32.
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512vnni") || __builtin_cpu_supports("avxvnni");
#else
    return false;
#endif
}

bool ck_has_half_products(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

CK_INLINE uint8_t byte(float value) {
    // NaN becomes 0. Rounding by truncation: the value is not negative.
    value = value > 0 ? value : 0;
    value = value < 255 ? value : 255;
    return (uint8_t)(int32_t)(value + 0.5f);
}

CK_INLINE float widened(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

CK_CLONES static void from_float32(const float *restrict from, const float *restrict factors, float factor, float offset,
                                   uint8_t *restrict to, int64_t count) {
    if (factors == NULL) {
        for (int64_t k = 0; k < count; ++k) to[k] = byte(from[k] * factor + offset);
    } else {
        for (int64_t k = 0; k < count; ++k) to[k] = byte(from[k] * factors[k] + offset);
    }
}

CK_CLONES static void from_bfloat16(const uint16_t *restrict from, const float *restrict factors, float factor,
                                    float offset, uint8_t *restrict to, int64_t count) {
    if (factors == NULL) {
        for (int64_t k = 0; k < count; ++k) to[k] = byte(widened(from[k]) * factor + offset);
    } else {
        for (int64_t k = 0; k < count; ++k) to[k] = byte(widened(from[k]) * factors[k] + offset);
    }
}

void ck_bytes(const void *from, ck_dtype dtype, int64_t columns, const float *factors, float factor, float offset,
              uint8_t *to, int64_t begin, int64_t end) {
    // Rows that are treated alike are one long row.
    int64_t width = factors == NULL ? (end - begin) * columns : columns;
    int64_t rows = factors == NULL ? (end > begin ? 1 : 0) : end - begin;
    for (int64_t r = 0; r < rows; ++r) {
        int64_t at = begin * columns + r * width;
        if (dtype == CK_BFLOAT16) {
            from_bfloat16((const uint16_t *)from + at, factors, factor, offset, to + at, width);
        } else {
            from_float32((const float *)from + at, factors, factor, offset, to + at, width);
        }
    }
}
