#include "ckernels.h"

// Attention without its matrix of scores, in bfloat16 (Dao et al., "FlashAttention", 2022): a few queries at a time meet the
// keys block by block; of a block's scores only the weights are kept that they become, and what was summed before is rescaled
// when a larger score turns up. Sums are float32. Both products are made of AVX-512's dot products of pairs, for which keys and
// values are laid out in pairs first.

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>

enum {
    width = CK_ATTENTION_WIDTH,
    block = CK_ATTENTION_BLOCK,
    lanes = 16,
    columns = width / lanes, // vectors
    pairs = width / 2,
    group = columns * lanes, // keys whose scores are computed at once
    rows = 6,                // queries at once: rows * columns sums fill the registers, with a line of each operand
    panels = 8,              // of `rows` queries, which share a block while it is in the cache
};

#define BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma")))
#define BF16_INLINE BF16 static inline __attribute__((always_inline))

bool ck_attention_is_supported(void) {
    // Where there are matrix registers (AMX), libtorch's kernel uses them and is faster.
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & 1u << 22) != 0) return false;
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

BF16 void ck_attention_pack(const uint16_t *keys, int64_t key_stride, const uint16_t *values, int64_t value_stride,
                            int64_t count, uint32_t *packed_keys, uint32_t *packed_values, int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
        uint32_t *to_keys = packed_keys + b * block * pairs, *to_values = packed_values + b * block * pairs;
        for (int64_t j = 0; j < block; ++j) {
            int64_t row = b * block + j;
            uint32_t line[pairs] = {0};
            if (row < count) memcpy(line, keys + row * key_stride, sizeof line);
            uint32_t *to = to_keys + j / group * group * pairs + j % group;
            for (int t = 0; t < pairs; ++t) to[t * group] = line[t];
        }
        for (int64_t s = 0; s < block / 2; ++s) {
            int64_t row = b * block + 2 * s;
            for (int c = 0; c < width; ++c) {
                uint32_t low = row < count ? values[row * value_stride + c] : 0;
                uint32_t high = row + 1 < count ? values[(row + 1) * value_stride + c] : 0;
                to_values[s * width + c] = low | high << 16;
            }
        }
    }
}

BF16_INLINE __m512bh repeated(const uint32_t *pair) { return (__m512bh)_mm512_set1_epi32((int32_t)*pair); }

BF16_INLINE __m512bh line_of(const uint32_t *from) { return (__m512bh)_mm512_loadu_si512(from); }

// 2^x for x from -126 to 0 and about 0 below: a polynomial for the part within 1/2 of a whole number, exact to 4e-6.
BF16_INLINE __m512 power_of_two(__m512 x) {
    x = _mm512_max_ps(_mm512_set1_ps(-126), x); // in this order NaN stays NaN
    __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 rest = _mm512_sub_ps(x, whole);
    __m512 sum = _mm512_set1_ps(9.6181291e-3f);
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(5.5504109e-2f));
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(2.4022651e-1f));
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(6.9314718e-1f));
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1));
    return _mm512_scalef_ps(sum, whole);
}

// The scores of a panel's queries against the first `used` keys of a block.
BF16_INLINE void score(const uint32_t *const *queries, const uint32_t *keys, int used, float *to) {
    for (int g = 0; g < used; g += group, keys += group * pairs) {
        __m512 sums[rows][columns];
        for (int i = 0; i < rows; ++i)
            for (int v = 0; v < columns; ++v) sums[i][v] = _mm512_setzero_ps();
        for (int t = 0; t < pairs; ++t) {
            __m512bh line[columns];
            for (int v = 0; v < columns; ++v) line[v] = line_of(keys + t * group + v * lanes);
            for (int i = 0; i < rows; ++i) {
                __m512bh query = repeated(queries[i] + t);
                for (int v = 0; v < columns; ++v) sums[i][v] = _mm512_dpbf16_ps(sums[i][v], query, line[v]);
            }
        }
        for (int i = 0; i < rows; ++i)
            for (int v = 0; v < columns; ++v) _mm512_storeu_ps(to + i * block + g + v * lanes, sums[i][v]);
    }
}

BF16_INLINE float largest_of(const float *scores, int used) {
    __m512 largest = _mm512_loadu_ps(scores);
    for (int j = lanes; j < used; j += lanes) largest = _mm512_max_ps(largest, _mm512_loadu_ps(scores + j));
    return _mm512_reduce_max_ps(largest);
}

// A query's scores as weights 2^(scale * score - largest), in pairs; returns their sums by place in a vector.
BF16_INLINE __m512 weigh(const float *scores, int used, float scale, float largest, uint32_t *to) {
    __m512 factor = _mm512_set1_ps(scale), shift = _mm512_set1_ps(-largest), total = _mm512_setzero_ps();
    for (int j = 0; j < used; j += 2 * lanes) {
        __m512 low = power_of_two(_mm512_fmadd_ps(_mm512_loadu_ps(scores + j), factor, shift));
        __m512 high = power_of_two(_mm512_fmadd_ps(_mm512_loadu_ps(scores + j + lanes), factor, shift));
        total = _mm512_add_ps(total, _mm512_add_ps(low, high));
        _mm512_storeu_si512(to + j / 2, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    return total;
}

// Multiplies a panel's sums by a factor for each query and adds the weighted values.
BF16_INLINE void accumulate(const uint32_t *weights, const uint32_t *values, int used, const float *factors, float *to) {
    __m512 sums[rows][columns];
    for (int i = 0; i < rows; ++i)
        for (int v = 0; v < columns; ++v)
            sums[i][v] = _mm512_mul_ps(_mm512_loadu_ps(to + i * width + v * lanes), _mm512_set1_ps(factors[i]));
    for (int s = 0; s < used / 2; ++s) {
        __m512bh line[columns];
        for (int v = 0; v < columns; ++v) line[v] = line_of(values + s * width + v * lanes);
        for (int i = 0; i < rows; ++i) {
            __m512bh weight = repeated(weights + i * (block / 2) + s);
            for (int v = 0; v < columns; ++v) sums[i][v] = _mm512_dpbf16_ps(sums[i][v], weight, line[v]);
        }
    }
    for (int i = 0; i < rows; ++i)
        for (int v = 0; v < columns; ++v) _mm512_storeu_ps(to + i * width + v * lanes, sums[i][v]);
}

BF16 void ck_attention(const uint16_t *queries, int64_t query_stride, const uint32_t *keys, const uint32_t *values,
                       int64_t count, float scale, uint16_t *result, int64_t stride, int64_t begin, int64_t end) {
    const float base = 1.44269504f * scale; // weights are powers of two
    for (int64_t first = begin; first < end; first += panels * rows) {
        float sums[panels][rows * width] = {{0}}, largest[panels][rows], factors[rows];
        __m512 totals[panels][rows];
        for (int p = 0; p < panels; ++p)
            for (int i = 0; i < rows; ++i) {
                largest[p][i] = -INFINITY;
                totals[p][i] = _mm512_setzero_ps();
            }
        for (int64_t b = 0; b * block < count; ++b) {
            const uint32_t *block_keys = keys + b * block * pairs, *block_values = values + b * block * pairs;
            const int64_t left = count - b * block;
            const int used = left < block ? (int)(left + group - 1) / group * group : block;
            for (int p = 0; p < panels && first + p * rows < end; ++p) {
                const uint32_t *lines[rows];
                for (int i = 0; i < rows; ++i) {
                    // What is missing in the last panel repeats the last query.
                    int64_t row = first + p * rows + i < end ? first + p * rows + i : end - 1;
                    lines[i] = (const uint32_t *)(queries + row * query_stride);
                }
                float scores[rows * block];
                uint32_t weights[rows * block / 2];
                score(lines, block_keys, used, scores);
                for (int64_t j = left; j < used; ++j)
                    for (int i = 0; i < rows; ++i) scores[i * block + j] = -INFINITY;
                for (int i = 0; i < rows; ++i) {
                    float best = fmaxf(largest[p][i], base * largest_of(scores + i * block, used));
                    factors[i] = exp2f(largest[p][i] - best);
                    largest[p][i] = best;
                    __m512 total = weigh(scores + i * block, used, base, best, weights + i * (block / 2));
                    totals[p][i] = _mm512_fmadd_ps(totals[p][i], _mm512_set1_ps(factors[i]), total);
                }
                accumulate(weights, block_values, used, factors, sums[p]);
            }
        }
        for (int64_t row = first; row < end && row < first + panels * rows; ++row) {
            const int64_t p = (row - first) / rows, i = (row - first) % rows;
            const float *from = sums[p] + i * width;
            const __m512 share = _mm512_set1_ps(1 / _mm512_reduce_add_ps(totals[p][i]));
            for (int c = 0; c < width; c += 2 * lanes) {
                __m512 low = _mm512_mul_ps(_mm512_loadu_ps(from + c), share);
                __m512 high = _mm512_mul_ps(_mm512_loadu_ps(from + c + lanes), share);
                _mm512_storeu_si512(result + row * stride + c, (__m512i)_mm512_cvtne2ps_pbh(high, low));
            }
        }
    }
}

#else

bool ck_attention_is_supported(void) { return false; }

void ck_attention_pack(const uint16_t *keys, int64_t key_stride, const uint16_t *values, int64_t value_stride,
                       int64_t count, uint32_t *packed_keys, uint32_t *packed_values, int64_t begin, int64_t end) {}

void ck_attention(const uint16_t *queries, int64_t query_stride, const uint32_t *keys, const uint32_t *values,
                  int64_t count, float scale, uint16_t *result, int64_t stride, int64_t begin, int64_t end) {}

#endif
