/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.h: an intrusive doubly linked list; the head is a node of its own. Not thread-safe. */
#ifndef DOMUS_BASE_LIST_H
#define DOMUS_BASE_LIST_H

#include "base/types.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert_before(struct list *at, struct list *node)
{
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}

static inline void list_append(struct list *head, struct list *node)
{
    list_insert_before(head, node);
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_for_each(node, head)      for (struct list *node = (head)->next; node != (head); node = node->next)

#endif
