// Emoji drawings as pixels. libvips' own calls are variadic, which Swift cannot express.
#ifndef GLYPHS_H
#define GLYPHS_H

#include <stdint.h>

typedef struct {
    // Rows of red, green, blue, alpha; colors not multiplied by alpha.
    uint8_t *rgba;
    int32_t width;
    int32_t height;
} glyphs_picture;

// Once in a process, before anything else.
int glyphs_start(void);

// An SVG file, its width `width` pixels. Returns 0, or -1 with glyphs_take_error() saying why.
int glyphs_render_svg(const char *path, double width, glyphs_picture *picture);

// The text in a font of a file, at a size in pixels. As above.
int glyphs_render_text(const char *text, const char *font, const char *font_file, int32_t size,
                       glyphs_picture *picture);

void glyphs_free(void *memory);

// libvips' error text since the last call, to be freed with glyphs_free. Never NULL.
char *glyphs_take_error(void);

#endif
