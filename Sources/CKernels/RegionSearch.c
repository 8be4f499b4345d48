#include "Clones.h"
#include "ckernels.h"

#include <math.h>
#include <string.h>

// Rows are read once, in order: with few classes the speed of memory decides. A half becomes a float by its bits, so that
// no instruction of a newer processor is needed: the exponent's bias differs by 112. Infinities and NaN do not occur.

enum { lanes = 16, most_classes = 8 };
typedef float four __attribute__((vector_size(4 * sizeof(float))));
typedef float eight __attribute__((vector_size(8 * sizeof(float))));
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
    // By halves: one lane after another would wait for each sum.
    floats v = *values;
    eight a = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7)
        + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    four b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
    return (b[0] + b[2]) + (b[1] + b[3]);
}

// Products of a row with at most eight texts, whose rows have `stride` floats, zeros past the width.
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
            const uint16_t *from = rows + row * width;
            // Constant numbers let the sums stay in registers.
            switch (some) {
            case 1: products(from, width, start, stride, 1, to); break;
            case 2: products(from, width, start, stride, 2, to); break;
            case 3: products(from, width, start, stride, 3, to); break;
            case 4: products(from, width, start, stride, 4, to); break;
            case 5: products(from, width, start, stride, 5, to); break;
            case 6: products(from, width, start, stride, 6, to); break;
            case 7: products(from, width, start, stride, 7, to); break;
            default: products(from, width, start, stride, 8, to);
            }
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
// for which there are bounds: the greatest logit, and that plus the logarithm of the number of classes, `log_count`. `bounds`
// are the log-odds of the least score in each full heap. A factor below 1 lowers the score: with `logs` the logarithm of
// the class's share is asked to reach that of the least score over the factor.
CK_CLONES static bool may_hit(const ck_search_problem *problem, const float *detector, const float *other,
                              const float *bounds, const float *logs, float factor, float log_count) {
    const ck_fusion *fusion = &problem->fusion;
    int64_t classes = fusion->classes;
    float most = detector[0], other_most = other[0];
    for (int64_t i = 1; i < classes; ++i) {
        most = most < detector[i] ? detector[i] : most;
        other_most = other_most < other[i] ? other[i] : other_most;
    }
    // NaN is found by the fusion.
    if (!(most - most == 0) || !(other_most - other_most == 0)) return true;
    float first = fusion->detector_weights[0] * detector[0] + fusion->other_weights[0] * other[0];
    for (int64_t i = fusion->first; i < classes; ++i) {
        float share = fusion->other_weights[i] - fusion->other_weights[0];
        float sums = share * (most - other_most) + fabsf(share) * log_count;
        float odds = fusion->detector_weights[i] * detector[i] + fusion->other_weights[i] * other[i] - first + sums;
        if (odds < bounds[i]) continue;
        if (factor >= 1 || !(logs[i] > -INFINITY)) return true;
        // The logarithm of the share that has these odds, times the exponent, plus that of the factor.
        float log_share = odds > 0 ? -log1pf(expf(-odds)) : odds - log1pf(expf(odds));
        if (!(fusion->exponent * log_share + logf(factor) < logs[i] - 0.01f)) return true;
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

// Whether a row's factor, the most that its score can be, is below the least score of every class's full heap.
CK_INLINE bool is_hopeless(const ck_search_problem *problem, int64_t row, float least) {
    return problem->factors && problem->factors[row] < least * 0.999999f;
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
    float *bounds = scores + 2 * padded, *logs = bounds + padded;
    float log_count = logf((float)classes), least = INFINITY;
    for (int64_t i = 0; i < classes; ++i) {
        bool is_full = counts[i] == problem->limit;
        ck_hit last = heaps[i * problem->limit];
        bounds[i] = is_full ? bound(problem, last) : -INFINITY;
        logs[i] = is_full ? logf(last.score) : -INFINITY;
        if (i >= problem->fusion.first && !(is_full && last.score >= least)) least = is_full ? last.score : -INFINITY;
    }
    // Weights of both towers add up to 1 for each class, and factors are at most 1: what the bounds stand on.
    bool bounded = problem->other && !problem->fusion.is_unnormalized && problem->fusion.first == 1
        && problem->fusion.exponent > 0;
    ck_fusion fusion = problem->fusion;
    fusion.detector = detector;
    fusion.other = problem->other ? other : NULL;
    for (int64_t start = begin; start < end; start += block) {
        int64_t count = end - start < block ? end - start : block;
        // Rows that look like no object are not even read.
        for (int64_t row = 0; row < count;) {
            if (bounded && is_hopeless(problem, start + row, least)) {
                ++row;
                continue;
            }
            int64_t from = row++;
            while (row < count && !(bounded && is_hopeless(problem, start + row, least))) ++row;
            int64_t offset = (start + from) * width;
            logits(problem->detector + offset, row - from, width, problem->detector_texts, problem->stride, classes,
                   detector + from * classes);
            if (problem->other) {
                logits(problem->other + offset, row - from, width, problem->other_texts, problem->stride, classes,
                       other + from * classes);
            }
        }
        for (int64_t row = 0; row < count; ++row) {
            // The least score rises only: what was not read stays hopeless.
            if (bounded && is_hopeless(problem, start + row, least)) continue;
            float factor = problem->factors ? problem->factors[start + row] : 1;
            if (bounded
                && !may_hit(problem, detector + row * classes, other + row * classes, bounds, logs, factor, log_count)) {
                continue;
            }
            ck_log_sum sums[2];
            int64_t found = ck_fused_scores(&fusion, row, factor, row_scratch, sums, kept, scores);
            if (found < 0) return -1;
            for (int64_t i = 0; i < found; ++i) {
                ck_hit hit = {.row = problem->first + start + row, .score = scores[i]};
                ck_hit *heap = heaps + kept[i] * problem->limit;
                push(heap, counts + kept[i], problem->limit, hit);
                if (counts[kept[i]] == problem->limit) {
                    bounds[kept[i]] = bound(problem, heap[0]);
                    logs[kept[i]] = logf(heap[0].score);
                }
            }
            if (found > 0) {
                least = INFINITY;
                for (int64_t i = problem->fusion.first; i < classes; ++i) {
                    float score = counts[i] == problem->limit ? heaps[i * problem->limit].score : -INFINITY;
                    least = score < least ? score : least;
                }
            }
        }
    }
    return 0;
}

int64_t ck_search_scratch(int64_t classes) {
    int64_t padded = (classes + lanes - 1) / lanes * lanes;
    return 2 * block * classes + 5 * padded;
}
