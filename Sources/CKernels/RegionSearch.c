#include "Clones.h"
#include "ckernels.h"

#include <math.h>
#include <string.h>

// Rows are read once, in order: with few classes the speed of memory decides. A half becomes a float by its bits, so that
// no instruction of a newer processor is needed: the exponent's bias differs by 112. Infinities and NaN do not occur.

enum { lanes = 16, most_classes = 4 };
typedef float floats __attribute__((vector_size(lanes * sizeof(float))));
typedef uint16_t halves __attribute__((vector_size(lanes * sizeof(uint16_t))));
typedef uint32_t words __attribute__((vector_size(lanes * sizeof(uint32_t))));

CK_INLINE void load_halves(floats *values, const uint16_t *from) {
    halves narrow;
    memcpy(&narrow, from, sizeof narrow);
    words wide = __builtin_convertvector(narrow, words);
    floats magnitude = (floats)((wide & 0x7FFF) << 13) * 0x1p112f;
    *values = (floats)((words)magnitude | (wide & 0x8000) << 16);
}

CK_INLINE float sum(const floats *values) {
    float result = 0;
    for (int i = 0; i < lanes; ++i) result += (*values)[i];
    return result;
}

// Products of a row with at most four texts, whose rows have `stride` floats, zeros past the width.
CK_INLINE void products(const uint16_t *row, int64_t width, const float *texts, int64_t stride, int64_t count,
                        float *result) {
    floats sums[most_classes] = {{0}};
    int64_t at = 0;
    for (; at + lanes <= width; at += lanes) {
        floats values;
        load_halves(&values, row + at);
        for (int64_t i = 0; i < count; ++i) {
            floats text;
            memcpy(&text, texts + i * stride + at, sizeof text);
            sums[i] = sums[i] + values * text;
        }
    }
    if (at < width) {
        uint16_t last[lanes] = {0};
        memcpy(last, row + at, (size_t)(width - at) * sizeof *row);
        floats values;
        load_halves(&values, last);
        for (int64_t i = 0; i < count; ++i) {
            floats text;
            memcpy(&text, texts + i * stride + at, sizeof text);
            sums[i] = sums[i] + values * text;
        }
    }
    for (int64_t i = 0; i < count; ++i) result[i] = sum(&sums[i]);
}

CK_CLONES static void logits(const uint16_t *rows, int64_t count, int64_t width, const float *texts, int64_t stride,
                             int64_t classes, float *result) {
    for (int64_t row = 0; row < count; ++row) {
        for (int64_t first = 0; first < classes; first += most_classes) {
            int64_t some = classes - first < most_classes ? classes - first : most_classes;
            const float *start = texts + first * stride;
            float *to = result + row * classes + first;
            // Constant numbers let the sums stay in registers.
            if (some == 1) products(rows + row * width, width, start, stride, 1, to);
            else if (some == 2) products(rows + row * width, width, start, stride, 2, to);
            else if (some == 3) products(rows + row * width, width, start, stride, 3, to);
            else products(rows + row * width, width, start, stride, 4, to);
        }
    }
}

// A heap whose first element is the least: of equal scores the one with the greater row is less.
static bool is_less(ck_hit a, ck_hit b) { return a.score != b.score ? a.score < b.score : a.row > b.row; }

static void push(ck_hit *heap, int64_t *count, int64_t limit, ck_hit hit) {
    int64_t at;
    if (*count < limit) {
        at = (*count)++;
        while (at > 0 && is_less(hit, heap[(at - 1) / 2])) {
            heap[at] = heap[(at - 1) / 2];
            at = (at - 1) / 2;
        }
    } else {
        if (!is_less(heap[0], hit)) return;
        at = 0;
        for (;;) {
            int64_t child = 2 * at + 1;
            if (child >= limit) break;
            if (child + 1 < limit && is_less(heap[child + 1], heap[child])) ++child;
            if (!is_less(heap[child], hit)) break;
            heap[at] = heap[child];
            at = child;
        }
    }
    heap[at] = hit;
}

// Whether a row may have a hit, without exponentials. A class's share of the sum is at most what it has beside the first
// class alone, s / (s + s_0), whose log-odds are the difference of the weighted logits and of the logarithms of both sums,
// for which there are bounds: the greatest logit, and that plus the logarithm of the number of classes. `bounds` are the
// log-odds of the least score in each full heap.
CK_CLONES static bool may_hit(const ck_search_problem *problem, const float *detector, const float *other,
                              const float *bounds) {
    const ck_fusion *fusion = &problem->fusion;
    int64_t classes = fusion->classes;
    float most = detector[0], other_most = other[0];
    for (int64_t i = 1; i < classes; ++i) {
        most = most < detector[i] ? detector[i] : most;
        other_most = other_most < other[i] ? other[i] : other_most;
    }
    // NaN is found by the fusion.
    if (!(most - most == 0) || !(other_most - other_most == 0)) return true;
    float count = logf((float)classes);
    float first = fusion->detector_weights[0] * detector[0] + fusion->other_weights[0] * other[0];
    for (int64_t i = fusion->first; i < classes; ++i) {
        float share = fusion->other_weights[i] - fusion->other_weights[0];
        float sums = share * (most - other_most) + fabsf(share) * count;
        float odds = fusion->detector_weights[i] * detector[i] + fusion->other_weights[i] * other[i] - first + sums;
        if (!(odds < bounds[i])) return true;
    }
    return false;
}

// The bound of a class, a little lower than exact: rounding must not lose a hit.
static float bound(const ck_search_problem *problem, ck_hit least) {
    float share = powf(least.score, 1 / problem->fusion.exponent);
    if (!(share > 0)) return -INFINITY;
    if (share >= 1) return 20;
    return logf(share) - log1pf(-share) - 0.01f;
}

enum { block = 64 };

int64_t ck_search(const ck_search_problem *problem, int64_t begin, int64_t end, float *scratch, ck_hit *heaps,
                  int64_t *counts) {
    int64_t classes = problem->fusion.classes, width = problem->width;
    int64_t padded = (classes + lanes - 1) / lanes * lanes;
    // The logits of a block for both towers, then what the fusion of a row needs.
    float *detector = scratch, *other = detector + block * classes;
    float *row_scratch = other + block * classes, *scores = row_scratch + padded;
    int32_t *kept = (int32_t *)(scores + padded);
    float *bounds = scores + 2 * padded;
    for (int64_t i = 0; i < classes; ++i) bounds[i] = -INFINITY;
    // Weights of both towers add up to 1 for each class, and factors are at most 1: what the bounds stand on.
    bool bounded = problem->other && !problem->fusion.is_unnormalized && problem->fusion.first == 1
        && problem->fusion.exponent > 0;
    ck_fusion fusion = problem->fusion;
    fusion.detector = detector;
    fusion.other = problem->other ? other : NULL;
    for (int64_t start = begin; start < end; start += block) {
        int64_t count = end - start < block ? end - start : block;
        logits(problem->detector + start * width, count, width, problem->detector_texts, problem->stride, classes,
               detector);
        if (problem->other) {
            logits(problem->other + start * width, count, width, problem->other_texts, problem->stride, classes, other);
        }
        for (int64_t row = 0; row < count; ++row) {
            if (bounded && !may_hit(problem, detector + row * classes, other + row * classes, bounds)) continue;
            ck_log_sum sums[2];
            float factor = problem->factors ? problem->factors[start + row] : 1;
            int64_t found = ck_fused_scores(&fusion, row, factor, row_scratch, sums, kept, scores);
            if (found < 0) return -1;
            for (int64_t i = 0; i < found; ++i) {
                ck_hit hit = {.row = start + row, .score = scores[i]};
                ck_hit *heap = heaps + kept[i] * problem->limit;
                push(heap, counts + kept[i], problem->limit, hit);
                if (counts[kept[i]] == problem->limit) bounds[kept[i]] = bound(problem, heap[0]);
            }
        }
    }
    return 0;
}

int64_t ck_search_scratch(int64_t classes) {
    int64_t padded = (classes + lanes - 1) / lanes * lanes;
    return 2 * block * classes + 4 * padded;
}
