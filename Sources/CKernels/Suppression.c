#include "Clones.h"
#include "ckernels.h"

#include <string.h>

// Comparing an IoU with a threshold must not depend on fused operations.
#pragma STDC FP_CONTRACT OFF

// MARK: - Order

// Smaller for larger scores.
CK_INLINE uint32_t falling_key(float score) {
    score += 0.0f; // -0 equals 0
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return (bits >> 31) != 0 ? bits : ~bits & 0x7fffffff;
}

// A radix sort, eleven bits at a time from the least significant; every pass is stable.
void ck_falling_order(const float *scores, int64_t count, int32_t *order, uint64_t *scratch) {
    enum { bits = 11, values = 1 << bits };
    uint64_t *from = scratch, *to = scratch + count;
    for (int64_t i = 0; i < count; ++i) from[i] = (uint64_t)falling_key(scores[i]) << 32 | (uint64_t)i;
    for (int shift = 32; shift < 64; shift += bits) {
        int64_t places[values] = {0}, next = 0;
        for (int64_t i = 0; i < count; ++i) ++places[from[i] >> shift & (values - 1)];
        for (int v = 0; v < values; ++v) {
            int64_t here = places[v];
            places[v] = next;
            next += here;
        }
        for (int64_t i = 0; i < count; ++i) to[places[from[i] >> shift & (values - 1)]++] = from[i];
        uint64_t *other = from;
        from = to;
        to = other;
    }
    for (int64_t i = 0; i < count; ++i) order[i] = (int32_t)(uint32_t)from[i];
}

// MARK: - Overlaps

// Functions that pass vectors are always inlined, so no calling convention could differ between processors.
#pragma clang diagnostic ignored "-Wpsabi"

enum { lanes = 16 };
typedef float floats __attribute__((ext_vector_type(lanes)));
typedef bool bools __attribute__((ext_vector_type(lanes)));

CK_INLINE floats load(const float *from) {
    floats values;
    memcpy(&values, from, sizeof values);
    return values;
}

CK_INLINE floats larger(floats a, floats b) { return a < b ? b : a; }
CK_INLINE floats smaller(floats a, floats b) { return b < a ? b : a; }

// Which of 16 boxes from `at` on overlap box i too much. Needs no guard: 0 / 0 is not above any threshold.
CK_INLINE uint32_t overlaps(ck_boxes boxes, int64_t i, int64_t at, float threshold, bool inclusive) {
    floats width = smaller(load(boxes.x2 + at), (floats)boxes.x2[i]) - larger(load(boxes.x1 + at), (floats)boxes.x1[i]);
    floats height = smaller(load(boxes.y2 + at), (floats)boxes.y2[i]) - larger(load(boxes.y1 + at), (floats)boxes.y1[i]);
    floats common = larger(width, (floats)0.0f) * larger(height, (floats)0.0f);
    floats share = common / ((floats)boxes.areas[i] + load(boxes.areas + at) - common);
    bools above;
    if (inclusive) {
        above = __builtin_convertvector(share >= threshold, bools);
    } else {
        above = __builtin_convertvector(share > threshold, bools);
    }
    uint16_t bits;
    memcpy(&bits, &above, sizeof bits);
    return bits;
}

CK_INLINE void suppress(ck_boxes boxes, int64_t count, float threshold, bool inclusive, int64_t limit,
                        uint16_t *suppressed, uint8_t *keep) {
    int64_t kept = 0;
    for (int64_t i = 0; i < count; ++i) {
        keep[i] = kept < limit && (suppressed[i / lanes] >> i % lanes & 1) == 0;
        if (!keep[i]) continue;
        ++kept;
        for (int64_t block = (i + 1) / lanes; block * lanes < count; ++block) {
            // All are already suppressed.
            if (suppressed[block] == 0xffff) continue;
            suppressed[block] |= (uint16_t)overlaps(boxes, i, block * lanes, threshold, inclusive);
        }
    }
}

CK_CLONES static void suppress_above(ck_boxes boxes, int64_t count, float threshold, int64_t limit,
                                     uint16_t *suppressed, uint8_t *keep) {
    suppress(boxes, count, threshold, false, limit, suppressed, keep);
}

CK_CLONES static void suppress_from(ck_boxes boxes, int64_t count, float threshold, int64_t limit,
                                    uint16_t *suppressed, uint8_t *keep) {
    suppress(boxes, count, threshold, true, limit, suppressed, keep);
}

void ck_suppress(ck_boxes boxes, int64_t count, float threshold, bool inclusive, int64_t limit, uint16_t *scratch,
                 uint8_t *keep) {
    memset(scratch, 0, (size_t)((count + lanes - 1) / lanes) * sizeof(uint16_t));
    (inclusive ? suppress_from : suppress_above)(boxes, count, threshold, limit, scratch, keep);
}

CK_INLINE void overlap_bits(ck_boxes boxes, int64_t count, float threshold, bool inclusive, uint64_t *bits,
                            int64_t words, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
        for (int64_t word = 0; word < words; ++word) {
            uint64_t found = 0;
            for (int64_t part = 0; part < 64 / lanes && word * 64 + part * lanes < count; ++part) {
                int64_t at = word * 64 + part * lanes;
                found |= (uint64_t)overlaps(boxes, i, at, threshold, inclusive) << part * lanes;
            }
            bits[i * words + word] = found;
        }
    }
}

CK_CLONES static void bits_above(ck_boxes boxes, int64_t count, float threshold, uint64_t *bits, int64_t words,
                                 int64_t begin, int64_t end) {
    overlap_bits(boxes, count, threshold, false, bits, words, begin, end);
}

CK_CLONES static void bits_from(ck_boxes boxes, int64_t count, float threshold, uint64_t *bits, int64_t words,
                                int64_t begin, int64_t end) {
    overlap_bits(boxes, count, threshold, true, bits, words, begin, end);
}

void ck_overlap_bits(ck_boxes boxes, int64_t count, float threshold, bool inclusive, uint64_t *bits, int64_t words,
                     int64_t begin, int64_t end) {
    (inclusive ? bits_from : bits_above)(boxes, count, threshold, bits, words, begin, end);
}

CK_CLONES static void merge(uint64_t *restrict words, const uint64_t *restrict more, int64_t count) {
    for (int64_t i = 0; i < count; ++i) words[i] |= more[i];
}

int64_t ck_suppress_with_bits(const uint64_t *bits, int64_t words, const int32_t *order, int64_t count, int64_t limit,
                              int32_t *kept, uint64_t *scratch) {
    memset(scratch, 0, (size_t)words * sizeof(uint64_t));
    int64_t kept_count = 0;
    for (int64_t i = 0; i < count && kept_count < limit; ++i) {
        int32_t box = order[i];
        if (scratch[box / 64] >> box % 64 & 1) continue;
        kept[kept_count++] = (int32_t)i;
        merge(scratch, bits + box * words, words);
    }
    return kept_count;
}
