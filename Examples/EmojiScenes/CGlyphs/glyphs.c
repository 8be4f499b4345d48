#include "glyphs.h"

#include <stdio.h>
#include <vips/vips.h>

int glyphs_start(void) { return vips_init("emoji-scenes"); }

static int take(VipsImage *image, glyphs_picture *picture) {
    int status = -1;
    size_t size = 0;
    if (vips_image_get_bands(image) != 4 || vips_image_get_format(image) != VIPS_FORMAT_UCHAR) {
        vips_error("glyphs", "the drawing does not have four bands of bytes");
    } else if ((picture->rgba = vips_image_write_to_memory(image, &size))) {
        picture->width = vips_image_get_width(image);
        picture->height = vips_image_get_height(image);
        status = 0;
    }
    g_object_unref(image);
    vips_thread_shutdown();
    return status;
}

int glyphs_render_svg(const char *path, double width, glyphs_picture *picture) {
    VipsImage *natural = NULL, *scaled = NULL;
    if (vips_svgload(path, &natural, NULL) != 0)
        return -1;
    double scale = width / vips_image_get_width(natural);
    g_object_unref(natural);
    if (vips_svgload(path, &scaled, "scale", scale, NULL) != 0)
        return -1;
    return take(scaled, picture);
}

int glyphs_render_text(const char *text, const char *font, const char *font_file, int32_t size,
                       glyphs_picture *picture) {
    char description[256];
    snprintf(description, sizeof description, "%s %d", font, size);
    VipsImage *image = NULL;
    if (vips_text(&image, text, "font", description, "fontfile", font_file, "rgba", TRUE, "dpi", 72, NULL) != 0)
        return -1;
    return take(image, picture);
}

void glyphs_free(void *memory) { g_free(memory); }

char *glyphs_take_error(void) {
    char *text = vips_error_buffer_copy();
    return text ? text : g_strdup("");
}
