/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screenshot.c: the display's surface as a PNG file, true colour without alpha (libpng's manual, section IV). */
#include "host/display/display.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct shot {
    const uint32_t *pixels;
    int width, height, stride;
    FILE *file;
    png_bytep row; /* width * 3 */
};

static void row_to_rgb(const uint32_t *from, int width, png_bytep to)
{
    for (int x = 0; x < width; x++) {
        *to++ = (png_byte)(from[x] >> 16);
        *to++ = (png_byte)(from[x] >> 8);
        *to++ = (png_byte)from[x];
    }
}

/* libpng's warnings would go to standard error behind our back; its errors reach us by longjmp. */
static void ignore_message(png_structp png, png_const_charp text)
{
}

static int shot_encode(struct shot *s, png_structp png, png_infop info)
{
    if (setjmp(png_jmpbuf(png)))
        return -EIO;
    png_init_io(png, s->file);
    png_set_compression_level(png, 3); /* taken while the guest waits */
    png_set_IHDR(png, info, (png_uint_32)s->width, (png_uint_32)s->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < s->height; y++) {
        row_to_rgb(s->pixels + (size_t)y * (size_t)s->stride, s->width, s->row);
        png_write_row(png, s->row);
    }
    png_write_end(png, info);
    return 0;
}

static int shot_write(struct shot *s)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, ignore_message);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int rc = info ? shot_encode(s, png, info) : -ENOMEM;

    png_destroy_write_struct(&png, &info);
    return rc;
}

int display_screenshot(struct display *d, const char *path)
{
    struct shot s = {0};
    int rc;

    display_refresh(d, false);
    s.pixels = display_pixels(d, &s.width, &s.height, &s.stride);
    s.row = malloc((size_t)s.width * 3);
    if (!s.row)
        return -ENOMEM;
    s.file = fopen(path, "we");
    if (!s.file) {
        rc = -errno;
        free(s.row);
        return rc;
    }
    rc = shot_write(&s);
    if (fclose(s.file) != 0 && rc == 0)
        rc = -EIO;
    if (rc)
        unlink(path);
    free(s.row);
    return rc;
}
