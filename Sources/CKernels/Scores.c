#include "Clones.h"
#include "ckernels.h"

#include <math.h>
#include <string.h>

// A row is read once from main memory; later passes use a scratch row, which stays in the caches.

enum { lanes = 16 };
typedef float floats __attribute__((vector_size(lanes * sizeof(float))));
typedef int32_t ints __attribute__((vector_size(lanes * sizeof(int32_t))));

// By address: passing vectors by value would require the same target on both sides.
CK_INLINE void load(floats *values, const float *from) { memcpy(values, from, sizeof *values); }

// Elements of a row from `at` on; past the end, minus infinity, whose probability is zero.
CK_INLINE void load_row(floats *values, const float *row, int64_t at, int64_t count) {
    if (at + lanes <= count) {
        load(values, row + at);
        return;
    }
    float last[lanes];
    for (int i = 0; i < lanes; ++i) last[i] = at + i < count ? row[at + i] : -INFINITY;
    load(values, last);
}

CK_INLINE void choose(floats *values, const ints *where, const floats *yes, const floats *no) {
    *values = (floats)((*where & (ints)*yes) | (~*where & (ints)*no));
}

// e^x for x of at most 0 with an error of about one unit in the last place; zero below -87. NaN stays NaN.
CK_INLINE void exponential(floats *values) {
    const float magic = 0x1.8p23f; // adding it rounds to an integer
    floats x = *values, zero = {0};
    floats least = zero - 87.0f;
    ints vanishes = x < least;
    choose(&x, &vanishes, &least, &x);
    floats shifted = x * 0x1.715476p0f + magic; // 1 / ln 2
    floats whole = shifted - magic;
    // ln 2 in two parts, the first one short enough for exact products.
    floats r = x - whole * 0x1.62e4p-1f;
    r = r - whole * 0x1.7f7d1cp-20f;
    // The series up to r^7 / 7!; |r| is at most half of ln 2.
    floats y = zero + 1.0f / 5040;
    y = y * r + 1.0f / 720;
    y = y * r + 1.0f / 120;
    y = y * r + 1.0f / 24;
    y = y * r + 1.0f / 6;
    y = y * r + 0.5f;
    y = y * r + 1.0f;
    y = y * r + 1.0f;
    floats start = zero + magic;
    ints power = ((ints)shifted - (ints)start + 127) << 23;
    y = y * (floats)power;
    choose(values, &vanishes, &zero, &y);
}

CK_INLINE float largest(const floats *values) {
    float result = (*values)[0];
    for (int i = 1; i < lanes; ++i) result = result < (*values)[i] ? (*values)[i] : result;
    return result;
}

// Partial sums are short in float32 and accumulated in float64: summing 20,000 numbers in sequence loses three digits.
enum { block = 64 * lanes };

CK_INLINE double total(const floats *values) {
    double result = 0;
    for (int i = 0; i < lanes; ++i) result += (double)(*values)[i];
    return result;
}

CK_INLINE void log_sum(const float *row, int64_t count, ck_log_sum *result) {
    floats most;
    load_row(&most, row, 0, count);
    for (int64_t at = lanes; at < count; at += lanes) {
        floats values;
        load_row(&values, row, at, count);
        ints more = most < values;
        choose(&most, &more, &values, &most);
    }
    float maximum = largest(&most);
    double sum = 0;
    for (int64_t start = 0; start < count; start += block) {
        floats part = {0};
        for (int64_t at = start; at < start + block && at < count; at += lanes) {
            floats values;
            load_row(&values, row, at, count);
            values = values - maximum;
            exponential(&values);
            part = part + values;
        }
        sum += total(&part);
    }
    result->maximum = maximum;
    result->log_sum = (float)log(sum);
}

// Adds the weighted logarithms of probabilities; a weight of zero excludes even minus infinity.
CK_INLINE void add_weighted(floats *sum, const float *row, int64_t at, int64_t count, ck_log_sum all,
                            const float *weights) {
    floats values, weight, zero = {0};
    load_row(&values, row, at, count);
    load_row(&weight, weights, at, count);
    values = (values - all.maximum - all.log_sum) * weight;
    ints without = weight == zero;
    choose(&values, &without, &zero, &values);
    *sum = *sum + values;
}

CK_CLONES static int64_t fused(const ck_fusion *fusion, int64_t row, float factor, float *scratch,
                               ck_log_sum *log_sums, int32_t *classes, float *scores) {
    int64_t count = fusion->classes;
    const float *detector = fusion->detector + row * count;
    const float *other = fusion->other ? fusion->other + row * count : NULL;
    floats most = {0};
    most = most - INFINITY;
    log_sum(detector, count, &log_sums[0]);
    log_sums[1] = log_sums[0];
    if (other) log_sum(other, count, &log_sums[1]);
    for (int64_t at = 0; at < count; at += lanes) {
        floats values = {0};
        if (other) {
            add_weighted(&values, detector, at, count, log_sums[0], fusion->detector_weights);
            add_weighted(&values, other, at, count, log_sums[1], fusion->other_weights);
        } else {
            load_row(&values, detector, at, count);
        }
        for (int64_t i = count - at; i < lanes; ++i) values[i] = -INFINITY;
        memcpy(scratch + at, &values, sizeof values);
        ints more = most < values;
        choose(&most, &more, &values, &most);
    }
    float maximum = largest(&most);
    double sum = 0;
    for (int64_t start = 0; start < count; start += block) {
        floats part = {0};
        for (int64_t at = start; at < start + block && at < count; at += lanes) {
            floats values;
            load(&values, scratch + at);
            values = values - maximum;
            exponential(&values);
            memcpy(scratch + at, &values, sizeof values);
            part = part + values;
        }
        sum += total(&part);
    }
    if (isnan(sum)) return -1;

    // score = (e / sum)^exponent * factor is above the threshold if e is above a bound, which is rounded down slightly.
    float threshold = fusion->threshold, exponent = fusion->exponent, divisor = (float)sum;
    if (other && fusion->is_unnormalized) {
        // What the exponentials are relative to is what they are multiplied with again.
        sum = exp(-(double)maximum);
        divisor = (float)sum;
    }
    float bound = -1;
    if (threshold >= 0 && factor <= 0) return 0;
    if (threshold >= 0 && exponent > 0) {
        bound = (float)(sum * pow((double)threshold / (double)factor, 1 / (double)exponent) * 0.9999);
    }
    int64_t kept = 0;
    for (int64_t at = 0; at < count; at += lanes) {
        floats values;
        load(&values, scratch + at);
        ints above = values > bound;
        int64_t any = 0;
        for (int i = 0; i < lanes; ++i) any |= above[i];
        if (any == 0) continue;
        for (int64_t i = at; i < at + lanes && i < count; ++i) {
            if (i < fusion->first || scratch[i] <= bound) continue;
            float score = scratch[i] / divisor;
            if (exponent != 1) score = powf(score, exponent);
            score *= factor;
            if (!(score > threshold)) continue;
            classes[kept] = (int32_t)i;
            scores[kept] = score;
            ++kept;
        }
    }
    return kept;
}

int64_t ck_fused_scores(const ck_fusion *fusion, int64_t row, float factor, float *scratch, ck_log_sum *log_sums,
                        int32_t *classes, float *scores) {
    return fused(fusion, row, factor, scratch, log_sums, classes, scores);
}
