#include "cvips.h"

#include <vips/vips.h>

typedef struct {
    cvips_sink call;
    void *context;
} sink;

static gint64 write_part(VipsTargetCustom *target, const void *bytes, gint64 count, void *data) {
    (void)target;
    const sink *to = data;
    return to->call(to->context, bytes, (size_t)count) == 0 ? count : -1;
}

int cvips_encode(const uint8_t *rgb, int32_t width, int32_t height, cvips_format format, int quality,
                 int compression, int lossless, int full_chroma, cvips_sink call, void *context) {
    int status = -1;
    sink to = {call, context};
    // The best code of a JPEG file is known when all of the picture is transformed, which takes 6 bytes per pixel.
    gboolean best_code = (int64_t)width * height <= 1 << 24;
    VipsTargetCustom *custom = vips_target_custom_new();
    VipsTarget *target = VIPS_TARGET(custom);
    g_signal_connect(custom, "write", G_CALLBACK(write_part), &to);
    VipsImage *memory = vips_image_new_from_memory(rgb, (size_t)width * (size_t)height * 3, width, height, 3,
                                                   VIPS_FORMAT_UCHAR);
    VipsImage *image = NULL;
    if (memory && vips_copy(memory, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) == 0) {
        switch (format) {
        case CVIPS_JPEG:
            status = vips_jpegsave_target(
                image, target, "Q", quality, "optimize_coding", best_code, "subsample_mode",
                full_chroma ? VIPS_FOREIGN_SUBSAMPLE_OFF : VIPS_FOREIGN_SUBSAMPLE_ON, NULL);
            break;
        case CVIPS_PNG:
            status = vips_pngsave_target(image, target, "compression", compression, NULL);
            break;
        case CVIPS_WEBP:
            status = vips_webpsave_target(image, target, "Q", quality, "lossless", lossless, NULL);
            break;
        default:
            vips_error("encode", "only JPEG, PNG and WebP can be written");
        }
    }
    if (image)
        g_object_unref(image);
    if (memory)
        g_object_unref(memory);
    g_object_unref(custom);
    vips_thread_shutdown();
    return status;
}
