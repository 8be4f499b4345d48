// What the readers of whole pictures and of parts share.
#ifndef PIXELS_H
#define PIXELS_H

#include "cvips.h"

#include <vips/vips.h>

// Size, bands and profile; not the orientation.
void cvips_describe(VipsImage *image, cvips_header *header);

// Replaces *image by its conversion to a color space that cvips_copy_pixels reads.
int cvips_convert_colors(VipsImage **image, int convert_profile);

// Writes the RGB bytes of an area in an order.
int cvips_copy_pixels(VipsImage *image, VipsRect area, uint8_t *rgb, cvips_order order);

#endif
