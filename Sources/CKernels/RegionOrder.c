#include "ckernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct sort_key {
    uint64_t group;
    uint64_t position;
    int64_t region;
} sort_key;

static int compare(const void *left, const void *right) {
    const sort_key *a = left, *b = right;
    if (a->group != b->group) return a->group < b->group ? -1 : 1;
    if (a->position != b->position) return a->position < b->position ? -1 : 1;
    return a->region < b->region ? -1 : a->region > b->region;
}

// The position on a space-filling curve (Morton order), in steps of 16 pixels of the map.
static uint64_t curve(const ck_level *level, const float *box) {
    uint64_t x = (uint64_t)fminf(fmaxf((box[0] + box[2]) * level->scale / 32, 0), 65535);
    uint64_t y = (uint64_t)fminf(fmaxf((box[1] + box[3]) * level->scale / 32, 0), 65535);
    uint64_t position = 0;
    for (int bit = 0; bit < 16; ++bit) position |= (x >> bit & 1) << 2 * bit | (y >> bit & 1) << (2 * bit + 1);
    return position;
}

bool ck_order_regions(const ck_pooling *p, int64_t images, int64_t region_count, int64_t *order, int64_t *offsets) {
    int64_t groups = (int64_t)p->level_count * images;
    memset(offsets, 0, (size_t)(groups + 1) * sizeof(int64_t));
    sort_key *keys = malloc((size_t)(region_count > 0 ? region_count : 1) * sizeof(sort_key));
    if (keys == NULL) return false;
    for (int64_t r = 0; r < region_count; ++r) {
        int64_t group = p->region_levels[r] * images + p->images[r];
        keys[r] = (sort_key){(uint64_t)group, curve(p->levels + p->region_levels[r], p->boxes + 4 * r), r};
        ++offsets[group + 1];
    }
    qsort(keys, (size_t)region_count, sizeof(sort_key), compare);
    for (int64_t r = 0; r < region_count; ++r) order[r] = keys[r].region;
    for (int64_t g = 0; g < groups; ++g) offsets[g + 1] += offsets[g];
    free(keys);
    return true;
}
