#include "cvips.h"

#include <vips/vips.h>

int cvips_encode(const uint8_t *rgb, int32_t width, int32_t height, cvips_format format, int quality,
                 int compression, int lossless, int full_chroma, void **bytes, size_t *count) {
    int status = -1;
    VipsImage *memory = vips_image_new_from_memory(rgb, (size_t)width * (size_t)height * 3, width, height, 3,
                                                   VIPS_FORMAT_UCHAR);
    VipsImage *image = NULL;
    if (memory && vips_copy(memory, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) == 0) {
        switch (format) {
        case CVIPS_JPEG:
            status = vips_jpegsave_buffer(
                image, bytes, count, "Q", quality, "optimize_coding", TRUE, "subsample_mode",
                full_chroma ? VIPS_FOREIGN_SUBSAMPLE_OFF : VIPS_FOREIGN_SUBSAMPLE_ON, NULL);
            break;
        case CVIPS_PNG:
            status = vips_pngsave_buffer(image, bytes, count, "compression", compression, NULL);
            break;
        case CVIPS_WEBP:
            status = vips_webpsave_buffer(image, bytes, count, "Q", quality, "lossless", lossless, NULL);
            break;
        default:
            vips_error("encode", "only JPEG, PNG and WebP can be written");
        }
    }
    if (image)
        g_object_unref(image);
    if (memory)
        g_object_unref(memory);
    vips_thread_shutdown();
    return status;
}
