#include "Clones.h"
#include "ckernels.h"

#include <math.h>

// Two functions compare IoUs for equality, so both must compute the same bits.
#pragma STDC FP_CONTRACT OFF

enum { lanes = 16 };

CK_INLINE float area(const float *box) { return (box[2] - box[0]) * (box[3] - box[1]); }

CK_INLINE float smaller(float a, float b) { return b < a ? b : a; }
CK_INLINE float larger(float a, float b) { return a < b ? b : a; }

// 0 for disjoint boxes and boxes without area.
CK_INLINE float iou(float x1, float y1, float x2, float y2, float own, const float *target, float target_area) {
    float width = larger(smaller(x2, target[2]) - larger(x1, target[0]), 0);
    float height = larger(smaller(y2, target[3]) - larger(y1, target[1]), 0);
    float common = width * height;
    float share = common / (own + target_area - common);
    return common > 0 ? share : 0;
}

typedef struct boxes {
    float x1[lanes], y1[lanes], x2[lanes], y2[lanes], area[lanes];
} boxes;

// Loads the boxes from `begin` on, repeating the last one past `end`.
CK_INLINE void gather(boxes *some, const float *from, int64_t begin, int64_t end) {
    for (int64_t k = 0; k < lanes; ++k) {
        const float *box = from + 4 * (begin + k < end ? begin + k : end - 1);
        some->x1[k] = box[0];
        some->y1[k] = box[1];
        some->x2[k] = box[2];
        some->y2[k] = box[3];
        some->area[k] = area(box);
    }
}

CK_CLONES void ck_best_targets(const float *from, const float *targets, int64_t target_count, float *best,
                               int64_t *index, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += lanes) {
        boxes some;
        gather(&some, from, i, end);
        float largest[lanes];
        int32_t first[lanes];
        for (int64_t k = 0; k < lanes; ++k) {
            largest[k] = -1;
            first[k] = 0;
        }
        for (int64_t t = 0; t < target_count; ++t) {
            const float *target = targets + 4 * t;
            float target_area = area(target);
            for (int64_t k = 0; k < lanes; ++k) {
                float share = iou(some.x1[k], some.y1[k], some.x2[k], some.y2[k], some.area[k], target, target_area);
                first[k] = share > largest[k] ? (int32_t)t : first[k];
                largest[k] = share > largest[k] ? share : largest[k];
            }
        }
        for (int64_t k = 0; k < lanes && i + k < end; ++k) {
            best[i + k] = largest[k];
            index[i + k] = first[k];
        }
    }
}

CK_CLONES void ck_best_boxes(const float *from, int64_t count, const float *targets, float *best, int64_t begin,
                             int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
        const float *target = targets + 4 * t;
        float target_area = area(target);
        float largest[lanes] = {0};
        for (int64_t i = 0; i < count; i += lanes) {
            boxes some;
            gather(&some, from, i, count);
            for (int64_t k = 0; k < lanes; ++k) {
                float share = iou(some.x1[k], some.y1[k], some.x2[k], some.y2[k], some.area[k], target, target_area);
                largest[k] = share > largest[k] ? share : largest[k];
            }
        }
        best[t] = 0;
        for (int64_t k = 0; k < lanes; ++k) best[t] = larger(best[t], largest[k]);
    }
}

CK_CLONES void ck_mark_best(const float *from, const float *targets, const float *target_best, int64_t target_count,
                            uint8_t *mark, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += lanes) {
        boxes some;
        gather(&some, from, i, end);
        int32_t found[lanes] = {0};
        for (int64_t t = 0; t < target_count; ++t) {
            const float *target = targets + 4 * t;
            float target_area = area(target);
            for (int64_t k = 0; k < lanes; ++k) {
                float share = iou(some.x1[k], some.y1[k], some.x2[k], some.y2[k], some.area[k], target, target_area);
                found[k] |= share == target_best[t];
            }
        }
        for (int64_t k = 0; k < lanes && i + k < end; ++k) mark[i + k] = (uint8_t)found[k];
    }
}
