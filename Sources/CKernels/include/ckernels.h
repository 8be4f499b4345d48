// Kernels for detection on the CPU: region pooling, suppression, masks. Plain C without dependencies.
//
// Conventions
//   * Boxes are x1, y1, x2, y2.
//   * Maps are channels last: [image, row, column, channel] without gaps.
//   * Sizes and counts are in elements.
//   * Functions with `begin` and `end` do part of the work, so that the caller can distribute it over threads. Results
//   do not depend on how it is split.
//   * A function that returns bool returns false if it runs out of memory; nothing else can fail. Callers have
//   validated sizes, indices, and that coordinates are finite.

#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ck_dtype {
    CK_FLOAT32,
    CK_BFLOAT16,
} ck_dtype;

// MARK: - Bytes

// Whether the processor multiplies bytes and adds the products in 32 bits (VNNI).
bool ck_has_byte_products(void);

// Whether it multiplies pairs of bfloat16 (AVX-512 BF16).
bool ck_has_half_products(void);

// Turns the rows begin..<end of [rows, columns] into bytes: times `factors` [columns], or `factor` if it is NULL, plus
// `offset`, rounded, cut off at 0 and 255.
void ck_bytes(const void *from, ck_dtype dtype, int64_t columns, const float *factors, float factor, float offset,
              uint8_t *to, int64_t begin, int64_t end);

// MARK: - Region pooling

typedef enum ck_sampling {
    // RoIAlign with coordinates shifted by half a pixel; sides are not adjusted.
    CK_ALIGNED,
    // RoIAlign of Mask R-CNN's first version: no shift, sides of at least one pixel.
    CK_LEGACY,
    // One sample at the center of every cell, without a shift, clamped to the map.
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
    const float *boxes; // four numbers per region
    const int64_t *images; // the image of each region
    const int64_t *region_levels; // the level of each region
    int64_t rows; // of the result of each region
    int64_t columns;
    ck_sampling sampling;
    int64_t ratio; // samples per cell and axis; 0: one per pixel of the cell
    ck_dtype dtype; // of maps and pooled regions
} ck_pooling;

// Sorts regions by map (level, then image) and, within a map, by position, which keeps the map's pixels in the caches.
// `offsets` receives level_count * images + 1 numbers: the regions of map g are order[offsets[g]]..<order[offsets[g +
// 1]].
bool ck_order_regions(const ck_pooling *pooling, int64_t images, int64_t region_count, int64_t *order,
                      int64_t *offsets);

// Pools the regions order[begin]..<order[end] into their slots of `pooled`: [regions, rows, columns, channels], or with
// `channels_first` [regions, channels, rows, columns].
bool ck_pool(const ck_pooling *pooling, const int64_t *order, bool channels_first, void *pooled, int64_t begin,
             int64_t end);

// Transposes the regions begin..<end from [regions, channels, cells] to [regions, cells, channels].
void ck_channels_last(const void *from, int64_t channels, int64_t cells, ck_dtype dtype, void *to, int64_t begin,
                      int64_t end);

// The number of tasks of the backward pass: one per map and block of channels.
int64_t ck_pool_backward_tasks(const ck_pooling *pooling, int64_t images);

// The tasks begin..<end of the backward pass: adds the gradient `pooled` [regions, rows, columns, channels] (of type
// `dtype`) to the maps of the levels, which are float32 here. Tasks write to disjoint memory.
bool ck_pool_backward(const ck_pooling *pooling, int64_t images, const int64_t *order, const int64_t *offsets,
                      const void *pooled, int64_t begin, int64_t end);

// MARK: - Scores

// The softmax of a row: exp(logit - maximum - log_sum).
typedef struct ck_log_sum {
    float maximum;
    float log_sum;
} ck_log_sum;

// How the probabilities of two classifiers become one score: s = p^w v^u for each class, divided by the sum over the
// classes unless it `is_unnormalized`, to the power `exponent`, times a factor of the row.
typedef struct ck_fusion {
    const float *detector; // logits [rows, classes]
    const float *other; // likewise; NULL: the detector's probabilities alone, without weights
    const float *detector_weights; // w of each class
    const float *other_weights; // u of each class
    int64_t classes; // at least 1
    int64_t first; // classes before this one are in the sum but get no score
    float threshold;
    float exponent;
    bool is_unnormalized;
} ck_fusion;

// Writes the classes of a row whose score is above the threshold, ascending, and their scores; both arrays have room
// for all classes. Returns their number, or -1 if the row has no sum because a number is NaN. `log_sums` receives those
// of both classifiers; `scratch` has room for the classes, rounded up to a multiple of 16.
int64_t ck_fused_scores(const ck_fusion *fusion, int64_t row, float factor, float *scratch, ck_log_sum *log_sums,
                        int32_t *classes, float *scores);

// MARK: - Search

// A region and its score for a class.
typedef struct ck_hit {
    int64_t row;
    float score;
} ck_hit;

// Regions that are compared with a few classes: embeddings of both towers as halves (IEEE 754, finite).
typedef struct ck_search_problem {
    const uint16_t *detector; // [rows, width]
    const uint16_t *other; // likewise; NULL: the detector alone
    int64_t width;
    const float *detector_texts; // [classes, stride], divided by the temperature, zeros past the width
    const float *other_texts;
    int64_t stride; // the width rounded up to a multiple of 16
    const float *factors; // of each row, at most 1; NULL: 1
    ck_fusion fusion; // its logits are computed here; the weights of both towers add up to 1 for each class
    int64_t limit; // hits kept of each class, at least 1
    int64_t first; // added to the rows of hits
} ck_search_problem;

// Searches the rows begin..<end: `heaps` [classes, limit] receive the rows with the best scores of each class, in the
// order of a heap, `counts` [classes] their numbers: zeros before the first call; further calls with other rows, of other
// problems, too, go on with them. `scratch` has room for `ck_search_scratch` floats. Returns -1 if
// a number is NaN.
int64_t ck_search(const ck_search_problem *problem, int64_t begin, int64_t end, float *scratch, ck_hit *heaps,
                  int64_t *counts);
int64_t ck_search_scratch(int64_t classes);

// MARK: - Suppression

// Sorts scores, none of them NaN: order[0] is the index of the largest; equal scores stay in input order. `scratch` has
// room for 2 * count elements.
void ck_falling_order(const float *scores, int64_t count, int32_t *order, uint64_t *scratch);

// Boxes column by column. Arrays extend 15 elements, of any value, past the last box.
typedef struct ck_boxes {
    const float *x1;
    const float *y1;
    const float *x2;
    const float *y2;
    const float *areas;
} ck_boxes;

// Greedy suppression among `count` boxes in descending order of scores: keep[i] becomes 1 for kept boxes and 0 for
// those that overlap an earlier kept one by more than (`inclusive`: at least) the threshold. At most `limit` boxes are
// kept. `scratch` has one element per 16 boxes.
void ck_suppress(ck_boxes boxes, int64_t count, float threshold, bool inclusive, int64_t limit, uint16_t *scratch,
                 uint8_t *keep);

// The rows begin..<end of the relation "overlaps too much" between all boxes, one bit per pair; rows have `words` words
// of 64 bits. Bits past the last box are undefined.
void ck_overlap_bits(ck_boxes boxes, int64_t count, float threshold, bool inclusive, uint64_t *bits, int64_t words,
                     int64_t begin, int64_t end);

// Greedy suppression with that relation: `order` lists boxes in descending order of scores; writes the indices in it of
// kept boxes into `kept` and returns their number, at most `limit`. `scratch` holds `words` words.
int64_t ck_suppress_with_bits(const uint64_t *bits, int64_t words, const int32_t *order, int64_t count, int64_t limit,
                              int32_t *kept, uint64_t *scratch);

// MARK: - Matching

// For the boxes begin..<end: the largest IoU with any target, and the first target with it. There is at least one
// target. Boxes and targets have four numbers each.
void ck_best_targets(const float *boxes, const float *targets, int64_t target_count, float *best, int64_t *index,
                     int64_t begin, int64_t end);

// For the targets begin..<end: the largest IoU with any box.
void ck_best_boxes(const float *boxes, int64_t count, const float *targets, float *best, int64_t begin, int64_t end);

// For the boxes begin..<end: 1 if no box has a larger IoU with some target, given ck_best_boxes, else 0.
void ck_mark_best(const float *boxes, const float *targets, const float *target_best, int64_t target_count,
                  uint8_t *mark, int64_t begin, int64_t end);

// MARK: - Convolutions

// A zero-padded 3x3 convolution of channels-last maps; channels are multiples of 16.
typedef struct ck_tiles {
    int64_t height; // of the maps
    int64_t width;
    int64_t inputs; // channels
    int64_t outputs;
} ck_tiles;

// Rows of tiles are numbered across all images, (height + 1) / 2 in each; a row has (width + 1) / 2 tiles.

// Transforms the rows of tiles begin..<end of maps [N, height, width, inputs] to [16, tiles, inputs]. `zeros` has one
// zero per channel.
void ck_winograd_input(const ck_tiles *tiles, const float *map, const float *zeros, float *transformed, int64_t begin,
                       int64_t end);

// Computes the rows begin..<end of maps [N, height, width, outputs] from products [16, tiles, outputs]; adds a bias
// unless it is NULL, and sets negative numbers to zero if `rectified`.
void ck_winograd_output(const ck_tiles *tiles, const float *products, const float *bias, bool rectified, float *map,
                        int64_t begin, int64_t end);

// Transforms the rows of tiles begin..<end of the outputs' gradient [N, height, width, outputs] to [16, tiles,
// outputs]; index 5 holds the sum of a tile's four elements.
void ck_winograd_gradient(const ck_tiles *tiles, const float *map, const float *zeros, float *transformed, int64_t begin,
                          int64_t end);

// Transforms weights [9, count] to [16, count], for the columns begin..<end.
void ck_winograd_weight(const float *weight, int64_t count, float *transformed, int64_t begin, int64_t end);

// The gradient of weights [9, count] from that of the transformed ones [16, count], for the columns begin..<end.
void ck_winograd_weight_gradient(const float *transformed, int64_t count, float *weight, int64_t begin, int64_t end);

// MARK: - Attention

enum {
    CK_ATTENTION_WIDTH = 64, // of a head
    CK_ATTENTION_BLOCK = 128, // keys that are laid out together
};

// Whether this processor has the instructions, and none that libtorch's attention makes more of; the two functions below must
// not be called otherwise.
bool ck_attention_is_supported(void);

// Lays out the `count` keys and values of a head for ck_attention, for the blocks begin..<end of CK_ATTENTION_BLOCK keys.
// Numbers are bfloat16, neighboring keys are a stride apart; both results have CK_ATTENTION_BLOCK * 32 elements a block.
void ck_attention_pack(const uint16_t *keys, int64_t key_stride, const uint16_t *values, int64_t value_stride,
                       int64_t count, uint32_t *packed_keys, uint32_t *packed_values, int64_t begin, int64_t end);

// softmax(scale * query keys^T) values for the queries begin..<end of a head, in bfloat16; `count` keys, at least one.
void ck_attention(const uint16_t *queries, int64_t query_stride, const uint32_t *keys, const uint32_t *values,
                  int64_t count, float scale, uint16_t *result, int64_t stride, int64_t begin, int64_t end);

// MARK: - Masks

// Pastes the masks begin..<end [masks, side, side] into images [masks, height, width]: sampled bilinearly at pixel
// centers, zero outside. `binary` is set to 1 where the value reaches the threshold, `soft`, unless it is NULL, to the
// values themselves; both must be zeroed before.
bool ck_paste(const float *masks, int64_t side, const float *boxes, int64_t height, int64_t width, float threshold,
              uint8_t *binary, float *soft, int64_t begin, int64_t end);

// Same as ck_paste for one mask and only the pixels that it can touch in the rows first..<last: `bounds` receives their
// left, top, right and bottom (all 0 if there are none), `crop`, unless it is NULL, the pixels, row by row.
bool ck_paste_crop(const float *mask, int64_t side, const float *box, int64_t height, int64_t width, float threshold,
                   int64_t first, int64_t last, int64_t bounds[4], uint8_t *crop);

// Draws the rows first..<last of a mask [rows, columns] on a picture of RGB: pixels inside are mixed with `color` by
// opacity / 255; with `outline` those with a neighbor outside, or at the mask's sides, take the color itself. `rgb` is
// the picture's pixel under the mask's first one; the picture's rows are `stride` bytes apart.
void ck_draw_mask(const uint8_t *mask, int64_t columns, int64_t rows, int64_t first, int64_t last,
                  const uint8_t color[3], int32_t opacity, bool outline, uint8_t *rgb, int64_t stride);

// Mixes `color` into a rectangle of a picture, as ck_draw_mask.
void ck_draw_box(int64_t columns, int64_t rows, const uint8_t color[3], int32_t opacity, uint8_t *rgb, int64_t stride);

// Averages of the bitmaps [masks, height, width] in side x side cells of the boxes begin..<end, each with the index of
// its mask: same as ck_pool of one channel with CK_ALIGNED and ratio 0.
bool ck_crop_masks(const uint8_t *masks, int64_t height, int64_t width, const int64_t *mask_index, const float *boxes,
                   int64_t side, float *result, int64_t begin, int64_t end);

// Masks stored within their boxes, [masks, size, size], resampled in side x side cells of the regions begin..<end:
// bilinear at cell centers without half-pixel shift, zero outside the mask.
bool ck_resample_box_masks(const uint8_t *masks, int64_t size, const int64_t *mask_index, const float *mask_boxes,
                           const float *regions, int64_t side, float *result, int64_t begin, int64_t end);

// Fills a polygon (x, y, x, y, ... in pixels, pixel corners at integers) into a mask [height, width], like the COCO
// tools: sets pixels to 1 and leaves others unchanged. `scratch` holds height * width bytes.
void ck_fill_polygon(const double *points, int64_t point_count, int64_t height, int64_t width, uint8_t *mask,
                     uint8_t *scratch);

#ifdef __cplusplus
}
#endif

#endif
