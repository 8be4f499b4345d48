#include "cvips.h"
#include "pixels.h"

#include <vips/vips.h>

int cvips_open_tiff(const char *path, int32_t page, int32_t subfile, int convert_profile, cvips_header *header,
                    cvips_picture **picture) {
    VipsImage *image = NULL;
    // With random access tiles are decoded when a part is asked for.
    int status = vips_call("tiffload", path, &image, "page", page, "subifd", subfile, "access", VIPS_ACCESS_RANDOM,
                           "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    if (status == 0) {
        cvips_describe(image, header);
        header->orientation = vips_image_get_orientation(image);
        status = cvips_convert_colors(&image, convert_profile);
    }
    if (status == 0)
        *picture = (cvips_picture *)image;
    else if (image)
        g_object_unref(image);
    vips_thread_shutdown();
    return status == 0 ? 0 : -1;
}

static int32_t count_of(const cvips_picture *picture, const char *name) {
    int value = 0;
    VipsImage *image = (VipsImage *)picture;
    if (vips_image_get_typeof(image, name) == 0 || vips_image_get_int(image, name, &value) != 0)
        return 0;
    return value;
}

int32_t cvips_page_count(const cvips_picture *picture) { return count_of(picture, VIPS_META_N_PAGES); }

int32_t cvips_subfile_count(const cvips_picture *picture) { return count_of(picture, VIPS_META_N_SUBIFDS); }

int cvips_open_animation(const char *path, cvips_format format, cvips_header *header, cvips_picture **picture) {
    VipsImage *image = NULL;
    const char *name = format == CVIPS_GIF ? "gifload" : "webpload";
    int status = vips_call(name, path, &image, "n", -1, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                           VIPS_FAIL_ON_ERROR, NULL);
    if (status == 0) {
        cvips_describe(image, header);
        header->height = vips_image_get_page_height(image);
        header->orientation = 1;
        status = cvips_convert_colors(&image, 1);
    }
    if (status == 0)
        *picture = (cvips_picture *)image;
    else if (image)
        g_object_unref(image);
    vips_thread_shutdown();
    return status == 0 ? 0 : -1;
}

int32_t cvips_delay(const cvips_picture *picture, int32_t frame) {
    int *delays = NULL, count = 0;
    VipsImage *image = (VipsImage *)picture;
    if (vips_image_get_typeof(image, "delay") == 0 || vips_image_get_array_int(image, "delay", &delays, &count) != 0)
        return 0;
    return frame < count ? delays[frame] : 0;
}

int cvips_shrink(const cvips_picture *picture, int32_t factor, cvips_header *header, cvips_picture **shrunk) {
    VipsImage *image = NULL;
    int status = vips_shrink((VipsImage *)picture, &image, factor, factor, NULL);
    if (status == 0) {
        header->width = vips_image_get_width(image);
        header->height = vips_image_get_height(image);
        *shrunk = (cvips_picture *)image;
    }
    vips_thread_shutdown();
    return status;
}

int cvips_read_area(const cvips_picture *picture, int32_t left, int32_t top, int32_t width, int32_t height,
                    uint8_t *rgb) {
    VipsRect area = {left, top, width, height};
    cvips_order rows = {0, 3, (int64_t)width * 3};
    int status = cvips_copy_pixels((VipsImage *)picture, area, rgb, rows);
    vips_thread_shutdown();
    return status;
}

void cvips_close(cvips_picture *picture) {
    g_object_unref((VipsImage *)picture);
    vips_thread_shutdown();
}
