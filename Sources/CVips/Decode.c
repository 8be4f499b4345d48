#include "cvips.h"
#include "pixels.h"

#include <string.h>
#include <vips/vips.h>

static const char *loader(cvips_format format) {
    switch (format) {
    case CVIPS_JPEG: return "jpegload_buffer";
    case CVIPS_PNG: return "pngload_buffer";
    case CVIPS_WEBP: return "webpload_buffer";
    case CVIPS_GIF: return "gifload_buffer";
    case CVIPS_TIFF: return "tiffload_buffer";
    case CVIPS_HEIF: return "heifload_buffer";
    }
    return NULL;
}

int cvips_can_load(cvips_format format) {
    const char *name = loader(format);
    return name && vips_type_find("VipsForeignLoad", name) != 0;
}

// Reads the header; pixels are decoded later, from top to bottom.
static VipsImage *open_picture(const void *bytes, size_t count, cvips_format format) {
    VipsImage *image = NULL;
    const char *name = loader(format);
    if (!name)
        return NULL;
    VipsBlob *blob = vips_blob_new(NULL, bytes, count);
    int status = vips_call(name, blob, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                           NULL);
    vips_area_unref(VIPS_AREA(blob));
    return status == 0 ? image : NULL;
}

void cvips_describe(VipsImage *image, cvips_header *header) {
    header->width = vips_image_get_width(image);
    header->height = vips_image_get_height(image);
    header->bands = vips_image_get_bands(image);
    header->has_profile = vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0;
}

int cvips_read_header(const void *bytes, size_t count, cvips_format format, cvips_header *header) {
    VipsImage *image = open_picture(bytes, count, format);
    if (image) {
        cvips_describe(image, header);
        header->orientation = format == CVIPS_HEIF ? 1 : vips_image_get_orientation(image);
        g_object_unref(image);
    }
    vips_thread_shutdown();
    return image ? 0 : -1;
}

static uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Whether a profile describes itself as sRGB, so that no conversion is needed. ICC.1:2022, 7.3 and 10.13.
static int is_srgb(const uint8_t *profile, size_t count) {
    if (count < 132)
        return 0;
    uint32_t tags = big_endian(profile + 128);
    for (uint32_t index = 0; index < tags && 132 + 12 * ((size_t)index + 1) <= count; index++) {
        const uint8_t *tag = profile + 132 + 12 * (size_t)index;
        if (memcmp(tag, "desc", 4) != 0)
            continue;
        size_t offset = big_endian(tag + 4), size = big_endian(tag + 8);
        if (offset > count || size > count - offset)
            return 0;
        const uint8_t *text = profile + offset;
        for (size_t at = 0; at + 4 <= size; at++)
            if (memcmp(text + at, "sRGB", 4) == 0)
                return 1;
        for (size_t at = 0; at + 8 <= size; at++)
            if (memcmp(text + at, "\0s\0R\0G\0B", 8) == 0)
                return 1;
        return 0;
    }
    return 0;
}

static int convert_profile_colors(VipsImage *image, VipsImage **result) {
    return vips_icc_transform(image, result, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_RELATIVE,
                              "black_point_compensation", TRUE, NULL);
}

// Whether the image has a usable embedded profile other than sRGB.
static int needs_conversion(VipsImage *image) {
    const void *profile = NULL;
    size_t size = 0;
    return vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0 &&
           vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &size) == 0 && !is_srgb(profile, size) &&
           vips_icc_is_compatible_profile(image, profile, size);
}

// Whether the samples are those of ICC's connection space, Lab: the profile is of no device and has no way to it.
static int is_connection_space(VipsImage *image) {
    const void *profile = NULL;
    size_t size = 0;
    return vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0 &&
           vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &size) == 0 && size >= 20 &&
           memcmp((const uint8_t *)profile + 16, "Lab ", 4) == 0;
}

// Color spaces that copy_row reads directly.
static int is_plain(VipsImage *image) {
    switch (vips_image_get_interpretation(image)) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
    case VIPS_INTERPRETATION_CMYK:
    case VIPS_INTERPRETATION_MULTIBAND:
        return 1;
    default:
        return 0;
    }
}

int cvips_convert_colors(VipsImage **image, int convert_profile) {
    VipsImage *result = NULL;
    int status;
    if (convert_profile && is_connection_space(*image))
        status = vips_icc_export(*image, &result, "output_profile", "srgb", "intent", VIPS_INTENT_RELATIVE, NULL);
    else if (convert_profile && needs_conversion(*image))
        status = convert_profile_colors(*image, &result);
    else if (is_plain(*image))
        return 0;
    else
        status = vips_colourspace(*image, &result, VIPS_INTERPRETATION_sRGB, NULL);
    if (status != 0)
        return -1;
    g_object_unref(*image);
    *image = result;
    return 0;
}

typedef enum { GRAY, RGB, CMYK } layout;

static int layout_of(VipsImage *image, layout *found) {
    int bands = vips_image_get_bands(image);
    if (vips_image_get_interpretation(image) == VIPS_INTERPRETATION_CMYK && bands >= 4)
        *found = CMYK;
    else if (bands >= 3)
        *found = RGB;
    else if (bands >= 1)
        *found = GRAY;
    else
        return -1;
    VipsBandFormat format = vips_image_get_format(image);
    if (vips_image_get_coding(image) == VIPS_CODING_NONE &&
        (format == VIPS_FORMAT_UCHAR || format == VIPS_FORMAT_USHORT))
        return 0;
    vips_error("decode", "samples of type %s are not supported, only 8 and 16 bit integers",
               vips_enum_nick(VIPS_TYPE_BAND_FORMAT, format));
    return -1;
}

// `step` and `high` select the bytes to copy: every one, or the high byte of 16-bit samples. Pixels of the target are
// `across` bytes apart.
static void copy_row(const uint8_t *source, uint8_t *target, int64_t across, int width, int bands, int sample_bytes,
                     layout layout) {
    size_t high = sample_bytes == 2 && G_BYTE_ORDER == G_LITTLE_ENDIAN ? 1 : 0;
    size_t step = (size_t)sample_bytes, pixel = step * (size_t)bands;
    source += high;
    if (layout == RGB && pixel == 3 && across == 3) {
        memcpy(target, source, (size_t)width * 3);
        return;
    }
    for (int x = 0; x < width; x++, source += pixel, target += across) {
        if (layout == GRAY) {
            target[0] = target[1] = target[2] = source[0];
        } else if (layout == RGB) {
            for (int band = 0; band < 3; band++)
                target[band] = source[band * step];
        } else {
            // The light that the inks let through, without an ink model, as in Pillow since 4.3; exactly rounded.
            int light = 255 - source[3 * step];
            for (int band = 0; band < 3; band++) {
                int product = (255 - source[band * step]) * light + 128;
                target[band] = (uint8_t)(((product >> 8) + product) >> 8);
            }
        }
    }
}

int cvips_copy_pixels(VipsImage *image, VipsRect area, uint8_t *rgb, cvips_order order) {
    layout layout;
    if (layout_of(image, &layout) != 0)
        return -1;
    VipsRegion *region = vips_region_new(image);
    int sample_bytes = vips_image_get_format(image) == VIPS_FORMAT_USHORT ? 2 : 1;
    int bands = vips_image_get_bands(image), status = 0;
    const int strip = 16, end = area.top + area.height;
    // The region is filled on this thread, strip by strip: no worker threads, no second copy of the picture.
    for (int top = area.top; status == 0 && top < end; top += strip) {
        VipsRect part = {area.left, top, area.width, VIPS_MIN(strip, end - top)};
        status = vips_region_prepare(region, &part);
        for (int y = top; status == 0 && y < top + part.height; y++)
            copy_row((const uint8_t *)VIPS_REGION_ADDR(region, area.left, y),
                     rgb + order.start + (y - area.top) * order.down, order.across, area.width, bands, sample_bytes,
                     layout);
    }
    g_object_unref(region);
    return status;
}

int cvips_decode(const void *bytes, size_t count, cvips_format format, int convert_profile, uint8_t *rgb,
                 cvips_order order, int32_t width, int32_t height) {
    int status = -1;
    VipsImage *image = open_picture(bytes, count, format);
    if (image) {
        if (vips_image_get_width(image) != width || vips_image_get_height(image) != height)
            vips_error("decode", "the size changed while the picture was read");
        else if (cvips_convert_colors(&image, convert_profile) == 0) {
            VipsRect all = {0, 0, width, height};
            status = cvips_copy_pixels(image, all, rgb, order);
        }
        g_object_unref(image);
    }
    vips_thread_shutdown();
    return status;
}
