// Kernels for detection on the processor: region pooling, suppression, mask work. Plain C without dependencies.
//
// Conventions
//   * Boxes are x1, y1, x2, y2.
//   * Maps are channels last: [image, row, column, channel] without gaps.
//   * Sizes and counts are in elements.
//   * Functions that take `begin` and `end` do a part of the work, so that the caller can spread it over threads.
//     Results do not depend on how it is split.
//   * A function that returns bool gives false when memory runs out; nothing else can fail. Callers have checked
//     sizes and indices, and that coordinates are finite.

#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: - Region pooling

typedef enum ck_dtype {
    CK_FLOAT32,
    CK_BFLOAT16,
} ck_dtype;

typedef enum ck_sampling {
    // RoIAlign with coordinates shifted by half a pixel; sides are taken as they are.
    CK_ALIGNED,
    // RoIAlign of Mask R-CNN's first version: no shift, sides of at least one pixel.
    CK_LEGACY,
    // One sample at the centre of every cell, without shift, clamped to the map.
    CK_CELL_CENTERS,
} ck_sampling;

// One level of a pyramid.
typedef struct ck_level {
    void *map; // [images, height, width, channels]
    int64_t height;
    int64_t width;
    float scale; // from box coordinates to pixels of the map
} ck_level;

typedef struct ck_pooling {
    const ck_level *levels;
    size_t level_count;
    int64_t channels;
    const float *boxes; // four numbers a region
    const int64_t *images; // the image of each region
    const int64_t *region_levels; // the level of each region
    int64_t rows; // of the result of each region
    int64_t columns;
    ck_sampling sampling;
    int64_t ratio; // samples a cell and axis; 0: as many as the cell has pixels
    ck_dtype dtype; // of maps and pooled regions
} ck_pooling;

// Orders regions by map (level, then image) and, within a map, so that neighbours follow each other, which keeps the
// map's pixels in the caches. `offsets` gets level_count * images + 1 numbers: the regions of a map are
// order[offsets[g]]..<order[offsets[g + 1]].
bool ck_order_regions(const ck_pooling *pooling, int64_t images, int64_t region_count, int64_t *order,
                      int64_t *offsets);

// Pools the regions order[begin]..<order[end] into their places of `pooled`: [regions, rows, columns, channels], or
// with `channels_first` [regions, channels, rows, columns].
bool ck_pool(const ck_pooling *pooling, const int64_t *order, bool channels_first, void *pooled, int64_t begin,
             int64_t end);

// Brings the regions begin..<end from [regions, channels, cells] to [regions, cells, channels].
void ck_channels_last(const void *from, int64_t channels, int64_t cells, ck_dtype dtype, void *to, int64_t begin,
                      int64_t end);

// How many tasks the backward pass has: one for each map and block of channels.
int64_t ck_pool_backward_tasks(const ck_pooling *pooling, int64_t images);

// The tasks begin..<end of the backward pass: adds to the maps of the levels, which are float32 here, the gradient that
// `pooled` [regions, rows, columns, channels] (of the type `dtype`) stands for. Tasks write to separate places.
bool ck_pool_backward(const ck_pooling *pooling, int64_t images, const int64_t *order, const int64_t *offsets,
                      const void *pooled, int64_t begin, int64_t end);

// MARK: - Scores

// The softmax of a row: exp(logit - maximum - log_sum).
typedef struct ck_log_sum {
    float maximum;
    float log_sum;
} ck_log_sum;

// How the probabilities of two classifiers become one score: s = p^w v^u for each class, divided by the sum over the
// classes, to the power `exponent`, times a factor of the row.
typedef struct ck_fusion {
    const float *detector; // logits [rows, classes]
    const float *other; // likewise; NULL: the detector's probabilities alone, without weights
    const float *detector_weights; // w of each class
    const float *other_weights; // u of each class
    int64_t classes; // at least 1
    int64_t first; // classes before this one take part in the sum, but have no score
    float threshold;
    float exponent;
} ck_fusion;

// The classes of a row whose score is above the threshold, rising, and their scores; both have room for all classes.
// Returns how many there are, or -1 when the row has no sum because a number is NaN. `log_sums` gets those of both
// classifiers; `scratch` has room for the classes, rounded up to a multiple of 16.
int64_t ck_fused_scores(const ck_fusion *fusion, int64_t row, float factor, float *scratch, ck_log_sum *log_sums,
                        int32_t *classes, float *scores);

// MARK: - Suppression

// Orders scores, none of them NaN: order[0] is the place of the largest; equal scores stay in their order. `scratch` has
// 2 * count places.
void ck_falling_order(const float *scores, int64_t count, int32_t *order, uint64_t *scratch);

// Boxes column by column. Arrays continue for 15 numbers, of any value, after the last box.
typedef struct ck_boxes {
    const float *x1;
    const float *y1;
    const float *x2;
    const float *y2;
    const float *areas;
} ck_boxes;

// Greedy suppression among `count` boxes that are in falling order of their scores: keep[i] becomes 1 for the boxes
// that stay and 0 for those that overlap an earlier one that stays by more than (`inclusive`: by at least) the
// threshold. No more than `limit` boxes stay. `scratch` has a place for every 16 boxes.
void ck_suppress(ck_boxes boxes, int64_t count, float threshold, bool inclusive, int64_t limit, uint16_t *scratch,
                 uint8_t *keep);

// The rows begin..<end of the relation "overlaps too much" between all boxes, a bit for each pair; rows have `words`
// words of 64 bits. Bits after the last box have no meaning.
void ck_overlap_bits(ck_boxes boxes, int64_t count, float threshold, bool inclusive, uint64_t *bits, int64_t words,
                     int64_t begin, int64_t end);

// Greedy suppression with that relation: `order` lists boxes in falling order of their scores; writes which of its
// places stay into `kept` and returns how many there are, at most `limit`. `scratch` holds `words` words.
int64_t ck_suppress_with_bits(const uint64_t *bits, int64_t words, const int32_t *order, int64_t count, int64_t limit,
                              int32_t *kept, uint64_t *scratch);

// MARK: - Matching

// For the boxes begin..<end: the largest IoU with any target, and the first target that has it. There is at least one
// target. Boxes and targets have four numbers each.
void ck_best_targets(const float *boxes, const float *targets, int64_t target_count, float *best, int64_t *index,
                     int64_t begin, int64_t end);

// For the targets begin..<end: the largest IoU with any box.
void ck_best_boxes(const float *boxes, int64_t count, const float *targets, float *best, int64_t begin, int64_t end);

// For the boxes begin..<end: 1 where a target has no box with a larger IoU, given ck_best_boxes, else 0.
void ck_mark_best(const float *boxes, const float *targets, const float *target_best, int64_t target_count,
                  uint8_t *mark, int64_t begin, int64_t end);

// MARK: - Convolutions

// A 3x3 convolution with zeros around, of maps that lie channels last; channels are multiples of 16.
typedef struct ck_tiles {
    int64_t height; // of the maps
    int64_t width;
    int64_t inputs; // channels
    int64_t outputs;
} ck_tiles;

// Rows of tiles are counted through all images, (height + 1) / 2 in each; a row has (width + 1) / 2 tiles.

// Transforms the rows of tiles begin..<end of maps [N, height, width, inputs] to [16, tiles, inputs]. `zeros` are as
// many as there are channels.
void ck_winograd_input(const ck_tiles *tiles, const float *map, const float *zeros, float *transformed, int64_t begin,
                       int64_t end);

// Makes the rows begin..<end of maps [N, height, width, outputs] of products [16, tiles, outputs]; adds a bias unless it
// is NULL, and sets negative numbers to zero where `rectified`.
void ck_winograd_output(const ck_tiles *tiles, const float *products, const float *bias, bool rectified, float *map,
                        int64_t begin, int64_t end);

// Transforms the rows of tiles begin..<end of the gradient of the outputs [N, height, width, outputs] to [16, tiles,
// outputs]; place 5 holds the sum of a tile's four elements.
void ck_winograd_gradient(const ck_tiles *tiles, const float *map, const float *zeros, float *transformed, int64_t begin,
                          int64_t end);

// Transforms weights [9, count] to [16, count], the 16 numbers of begin..<end each.
void ck_winograd_weight(const float *weight, int64_t count, float *transformed, int64_t begin, int64_t end);

// The gradient of weights [9, count] of that of transformed ones [16, count], the 16 numbers of begin..<end each.
void ck_winograd_weight_gradient(const float *transformed, int64_t count, float *weight, int64_t begin, int64_t end);

// MARK: - Masks

// Pastes the masks begin..<end [masks, side, side] into images [masks, height, width]: sampled bilinearly at pixel
// centres, zero outside. `binary` gets 1 where the value reaches the threshold (memory is zero before), `soft`, where
// it is not NULL, the values themselves (also zero before).
bool ck_paste(const float *masks, int64_t side, const float *boxes, int64_t height, int64_t width, float threshold,
              uint8_t *binary, float *soft, int64_t begin, int64_t end);

// As ck_paste, of one mask, and only the pixels that it can touch: `bounds` gets their left, top, right and bottom (all 0
// when there are none), `crop`, where it is not NULL, the pixels, row by row.
bool ck_paste_crop(const float *mask, int64_t side, const float *box, int64_t height, int64_t width, float threshold,
                   int64_t bounds[4], uint8_t *crop);

// Averages of the bit masks [masks, height, width] in side x side cells of the boxes begin..<end, which name the mask
// that they cut: as ck_pool of one channel with CK_ALIGNED and ratio 0.
bool ck_crop_masks(const uint8_t *masks, int64_t height, int64_t width, const int64_t *mask_index, const float *boxes,
                   int64_t side, float *result, int64_t begin, int64_t end);

// Masks that are stored inside their boxes, [masks, size, size], resampled in side x side cells of the regions
// begin..<end: bilinear at cell centres without half-pixel shift, zero outside of the mask.
bool ck_resample_box_masks(const uint8_t *masks, int64_t size, const int64_t *mask_index, const float *mask_boxes,
                           const float *regions, int64_t side, float *result, int64_t begin, int64_t end);

// Fills a polygon (x, y, x, y, ... in pixels, corners of pixels at whole numbers) into a mask [height, width], as the
// COCO tools do: sets pixels to 1, leaves others alone. `scratch` holds height * width bytes.
void ck_fill_polygon(const double *points, int64_t point_count, int64_t height, int64_t width, uint8_t *mask,
                     uint8_t *scratch);

#ifdef __cplusplus
}
#endif

#endif
