/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block.c: opens a disk of any format and passes its requests on. The table of formats is here.
 */
#include "host/block/block.h"

#include "host/block/block_format.h"
#include "host/block/block_image.h"
#include "host/block/block_raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct block {
    const struct block_format_ops *ops;
    void *state;
    uint64_t sectors;
    bool readonly;
};

static const struct block_format_ops *const formats[] = {&block_format_raw};

static const struct block_format_ops *format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (!strcmp(formats[i]->name, name ? name : "raw"))
            return formats[i];
    return NULL;
}

struct block *block_create(const struct block_format_ops *ops, void *state, uint64_t sectors, bool readonly)
{
    struct block *b = calloc(1, sizeof *b);

    if (b)
        *b = (struct block){ops, state, sectors, readonly};
    return b;
}

int block_open(struct block **b, struct loop *loop, const struct block_options *o, char **why)
{
    const struct block_format_ops *ops = format_find(o->format);
    struct block_image image;
    uint64_t sectors = 0;
    void *state = NULL;
    int rc;

    *b = NULL;
    if (!ops)
        return block_fail(why, -ENOTSUP,
                          "%s: format %s is not supported; convert the image, e.g. qemu-img convert -O raw %s NEW.img",
                          o->path, o->format, o->path);
    rc = block_image_open(&image, o, why);
    if (rc)
        return rc;
    rc = ops->open(&image, loop, o, &state, &sectors, why);
    if (rc) {
        block_image_close(&image);
        return rc;
    }
    *b = block_create(ops, state, sectors, o->readonly || o->removable);
    if (!*b) {
        ops->close(state);
        return block_fail(why, -ENOMEM, "%s: out of memory", o->path);
    }
    return 0;
}

void block_close(struct block *b)
{
    if (!b)
        return;
    b->ops->close(b->state);
    free(b);
}

void block_submit(struct block *b, struct block_request *r)
{
    b->ops->submit(b->state, r);
}

uint64_t block_sectors(const struct block *b)
{
    return b->sectors;
}

bool block_readonly(const struct block *b)
{
    return b->readonly;
}
