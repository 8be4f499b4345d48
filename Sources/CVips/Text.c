#include "cvips.h"

#include <string.h>
#include <vips/vips.h>

int cvips_render_markup(const char *markup, const char *font, uint8_t **rgba, int32_t *width,
                        int32_t *height) {
    int status = -1;
    VipsImage *image = NULL;
    if (vips_text(&image, markup, "font", font, "rgba", TRUE, "dpi", 72, NULL) == 0) {
        size_t size = 0;
        if (vips_image_get_bands(image) != 4 || vips_image_get_format(image) != VIPS_FORMAT_UCHAR) {
            vips_error("text", "the text was not rendered in four bands of bytes");
        } else if ((*rgba = vips_image_write_to_memory(image, &size))) {
            *width = vips_image_get_width(image);
            *height = vips_image_get_height(image);
            status = 0;
        }
        g_object_unref(image);
    }
    vips_thread_shutdown();
    return status;
}
