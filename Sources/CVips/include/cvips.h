// The part of libvips that Imaging needs, as plain functions: libvips' own calls are variadic, which Swift cannot
// express. Every function returns 0 or -1; after -1, cvips_take_error() returns libvips' reason.
#ifndef CVIPS_H
#define CVIPS_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    CVIPS_JPEG,
    CVIPS_PNG,
    CVIPS_WEBP,
    CVIPS_GIF,
    CVIPS_TIFF,
    CVIPS_HEIF,
} cvips_format;

typedef struct {
    int32_t width;
    int32_t height;
    int32_t bands;
    // EXIF orientation, 1 to 8; 1 if the format or the decoder has applied it already.
    int32_t orientation;
    int32_t has_profile;
} cvips_header;

// Call once per process: no operation cache, one thread per picture, no log output.
int cvips_start(void);

// The version of the loaded library, such as "8.14.1".
const char *cvips_version(void);

// 1 if this libvips reads the format.
int cvips_can_load(cvips_format format);

int cvips_read_header(const void *bytes, size_t count, cvips_format format, cvips_header *header);

// Where decoded pixels go, in bytes from the result's beginning: the place of the first stored one, the step to the next
// in a stored row, and the step to the next row.
typedef struct {
    int64_t start;
    int64_t across;
    int64_t down;
} cvips_order;

// Writes width * height * 3 bytes of RGB; `order` turns the picture. `width` and `height` are those of the header; a file
// whose size has changed since is an error.
int cvips_decode(const void *bytes, size_t count, cvips_format format, int convert_profile, uint8_t *rgb,
                 cvips_order order, int32_t width, int32_t height);

// A picture that is read part by part, from any thread.
typedef struct cvips_picture cvips_picture;

// Opens a page, or one of its subfiles (-1: the page itself); close it with cvips_close.
int cvips_open_tiff(const char *path, int32_t page, int32_t subfile, int convert_profile, cvips_header *header,
                    cvips_picture **picture);

// Opens all frames of a GIF or WebP file below each other; areas must be read from the top. The header's height is that of a
// frame.
int cvips_open_animation(const char *path, cvips_format format, cvips_header *header, cvips_picture **picture);

// How long a frame is shown in milliseconds; 0 where the file does not say.
int32_t cvips_delay(const cvips_picture *picture, int32_t frame);

// The number of pages or frames of the file.
int32_t cvips_page_count(const cvips_picture *picture);

// The number of subfiles of the page: copies of smaller size.
int32_t cvips_subfile_count(const cvips_picture *picture);

// The picture with sides smaller by a whole factor, by averages; nothing is decoded yet. Sets the header's size.
int cvips_shrink(const cvips_picture *picture, int32_t factor, cvips_header *header, cvips_picture **shrunk);

// Writes width * height * 3 bytes of RGB of an area inside the picture.
int cvips_read_area(const cvips_picture *picture, int32_t left, int32_t top, int32_t width, int32_t height,
                    uint8_t *rgb);

void cvips_close(cvips_picture *picture);

// Takes the next bytes of an encoded file; -1 ends the encoding.
typedef int (*cvips_sink)(void *context, const void *bytes, size_t count);

// Encodes RGB rows into a sink, a few rows at a time (WebP: all at once). Quality 1 to 100 (JPEG, lossy WebP),
// compression 0 to 9 (PNG).
int cvips_encode(const uint8_t *rgb, int32_t width, int32_t height, cvips_format format, int quality,
                 int compression, int lossless, int full_chroma, cvips_sink sink, void *context);

// Renders one line of Pango markup into RGBA (not premultiplied); free the result with cvips_free.
int cvips_render_markup(const char *markup, const char *font, uint8_t **rgba, int32_t *width,
                        int32_t *height);

// libvips' error text since the last call; free it with cvips_free. Never NULL.
char *cvips_take_error(void);

void cvips_free(void *memory);

#endif
