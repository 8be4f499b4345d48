#include "ckernels.h"

#include <string.h>

// The COCO tools draw the outline on a grid five times as fine and record the row at each crossing from one column of
// pixels to the next; the inside is between an odd and an even crossing down a column. Only these crossings matter, so
// they are computed directly, without tracing the outline.
enum { fine = 5 };

typedef struct raster {
    int64_t height;
    int64_t width;
    uint8_t *toggles; // column by column
} raster;

static int64_t rounded(double value) {
    // Far outside any mask; keeps the conversion defined.
    const double limit = 1e9;
    double scaled = fine * value + 0.5;
    return (int64_t)(scaled > limit ? limit : scaled < -limit ? -limit : scaled);
}

// Records that the outline crosses the column at the fine row `y`.
static void note(raster *raster, int64_t column, int64_t y) {
    double row = ((double)y + 0.5) / fine - 0.5;
    if (row < 0) row = 0;
    if (row > (double)raster->height) row = (double)raster->height;
    int64_t first = (int64_t)row;
    if ((double)first < row) ++first;
    int64_t place = column * raster->height + first;
    if (place < raster->height * raster->width) raster->toggles[place] ^= 1;
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t absolute(int64_t a) { return a < 0 ? -a : a; }

static void edge(raster *raster, int64_t x1, int64_t y1, int64_t x2, int64_t y2) {
    int64_t dx = absolute(x2 - x1), dy = absolute(y2 - y1);
    if (dx == 0) return;
    bool wide = dx >= dy;
    if (wide ? x1 > x2 : y1 > y2) {
        int64_t x = x1, y = y1;
        x1 = x2;
        y1 = y2;
        x2 = x;
        y2 = y;
    }
    // The columns whose crossing, from fine column 5c + 2 to 5c + 3, is within the edge.
    int64_t low = smaller(x1, x2), high = larger(x1, x2);
    int64_t first = low <= 2 ? 0 : (low - 2 + fine - 1) / fine;
    int64_t last = high < 3 ? -1 : smaller((high - 3) / fine, raster->width - 1);
    if (wide) {
        double slope = (double)(y2 - y1) / (double)dx;
        for (int64_t c = first; c <= last; ++c) {
            int64_t step = fine * c + 2 - x1;
            int64_t before = (int64_t)((double)y1 + slope * (double)step + 0.5);
            int64_t after = (int64_t)((double)y1 + slope * (double)(step + 1) + 0.5);
            note(raster, c, smaller(before, after));
        }
        return;
    }
    double slope = (double)(x2 - x1) / (double)dy;
    for (int64_t c = first; c <= last; ++c) {
        // The first step past the crossing: x is monotonic.
        int64_t beyond = fine * c + (slope > 0 ? 3 : 2);
        int64_t step = (int64_t)(((double)beyond - (double)x1 + (slope > 0 ? -0.5 : 0.5)) / slope) - 2;
        step = larger(step, 1);
        for (; step <= dy; ++step) {
            int64_t x = (int64_t)((double)x1 + slope * (double)step + 0.5);
            if (slope > 0 ? x >= beyond : x <= beyond) break;
        }
        if (step <= dy) note(raster, c, y1 + step - 1);
    }
}

void ck_fill_polygon(const double *points, int64_t point_count, int64_t height, int64_t width, uint8_t *mask,
                     uint8_t *scratch) {
    raster raster = {height, width, scratch};
    memset(scratch, 0, (size_t)(height * width));
    for (int64_t p = 0; p < point_count; ++p) {
        const double *a = points + 2 * p, *b = points + 2 * (p + 1 < point_count ? p + 1 : 0);
        edge(&raster, rounded(a[0]), rounded(a[1]), rounded(b[0]), rounded(b[1]));
    }
    uint8_t inside = 0;
    for (int64_t x = 0; x < width; ++x) {
        for (int64_t y = 0; y < height; ++y) {
            inside ^= scratch[x * height + y];
            mask[y * width + x] |= inside;
        }
    }
}
