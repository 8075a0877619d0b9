/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c: see server.h. A client that goes away while its request is under way leaves the request without a line. */
#include "control/server.h"

#include "base/list.h"
#include "control/jsonline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_MAX_CLIENTS 256

struct server_client {
    struct list link;     /* in server.clients */
    struct list requests; /* control_request.link */
    struct jsonline *line;
    bool failed; /* to be dropped as soon as nothing of it runs */
};

struct control_server {
    int listen_fd; /* borrowed */
    const struct control_command *commands;
    void *opaque;
    struct list clients;
    size_t client_count;
};

struct control_request {
    struct list link;             /* in server_client.requests */
    struct server_client *client; /* NULL: gone */
    json_t *id;
};

struct control_server *control_server_create(int listen_fd, const struct control_command *commands, void *opaque)
{
    struct control_server *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    *s = (struct control_server){.listen_fd = listen_fd, .commands = commands, .opaque = opaque};
    list_init(&s->clients);
    return s;
}

static void server_drop(struct control_server *s, struct server_client *client)
{
    while (!list_empty(&client->requests)) {
        struct control_request *request = list_entry(client->requests.next, struct control_request, link);
        list_remove(&request->link);
        request->client = NULL;
    }
    list_remove(&client->link);
    s->client_count--;
    jsonline_destroy(client->line);
    free(client);
}

void control_server_destroy(struct control_server *s)
{
    if (!s)
        return;
    while (!list_empty(&s->clients)) {
        struct server_client *client = list_entry(s->clients.next, struct server_client, link);
        jsonline_flush(client->line);
        server_drop(s, client);
    }
    free(s);
}

size_t control_server_poll(struct control_server *s, struct pollfd *fds, size_t room)
{
    size_t n = 0;

    if (n < room && s->client_count < SERVER_MAX_CLIENTS)
        fds[n++] = (struct pollfd){.fd = s->listen_fd, .events = POLLIN};
    list_for_each (node, &s->clients) {
        struct server_client *client = list_entry(node, struct server_client, link);
        if (n == room)
            break;
        fds[n++] = (struct pollfd){.fd = jsonline_fd(client->line),
                                   .events = (short)(POLLIN | (jsonline_pending(client->line) ? POLLOUT : 0))};
    }
    return n;
}

static void server_send(struct control_request *request, json_t *reply)
{
    struct server_client *client = request->client;

    if (client && (!reply || jsonline_send(client->line, reply) != 0))
        client->failed = true;
    json_decref(reply);
    list_remove(&request->link);
    json_decref(request->id);
    free(request);
}

void control_reply(struct control_request *request, json_t *result)
{
    server_send(request, json_pack("{s:O, s:o}", "id", request->id, "result", result ? result : json_object()));
}

void control_fail(struct control_request *request, int code, const char *format, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, format);
    if (vasprintf(&text, format, ap) < 0)
        text = NULL;
    va_end(ap);
    server_send(request,
                json_pack("{s:O, s:s, s:i}", "id", request->id, "error", text ? text : "out of memory", "code", code));
    free(text);
}

static void server_dispatch(struct control_server *s, struct server_client *client, json_t *message)
{
    json_t *id = json_object_get(message, "id"), *args = json_object_get(message, "args"), *empty = NULL;
    const char *name = json_string_value(json_object_get(message, "command"));
    struct control_request *request = calloc(1, sizeof *request);
    const struct control_command *command = s->commands;

    if (!request || !json_is_integer(id) || !name) {
        free(request);
        client->failed = true;
        return;
    }
    request->client = client;
    request->id = json_incref(id);
    list_append(&client->requests, &request->link);
    if (!json_is_object(args))
        args = empty = json_object();
    while (command->name && strcmp(command->name, name) != 0)
        command++;
    command->run(s->opaque, request, name, args);
    json_decref(empty);
}

static void server_serve(struct control_server *s, struct server_client *client, short events)
{
    json_t *message;
    int rc;

    if (events & POLLOUT && jsonline_flush(client->line) != 0)
        client->failed = true;
    if (!(events & (POLLIN | POLLHUP | POLLERR)))
        return;
    if (jsonline_fill(client->line) != 0)
        client->failed = true;
    while (!client->failed && (rc = jsonline_next(client->line, &message)) != 0) {
        if (rc < 0) {
            client->failed = true;
            break;
        }
        server_dispatch(s, client, message);
        json_decref(message);
    }
}

static void server_accept(struct control_server *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct server_client *client;

    if (fd < 0)
        return;
    client = calloc(1, sizeof *client);
    if (!client) {
        close(fd);
        return;
    }
    client->line = jsonline_create(fd);
    if (!client->line) {
        free(client);
        return;
    }
    list_init(&client->requests);
    list_append(&s->clients, &client->link);
    s->client_count++;
}

void control_server_ready(struct control_server *s, const struct pollfd *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!fds[i].revents)
            continue;
        if (fds[i].fd == s->listen_fd) {
            server_accept(s);
            continue;
        }
        list_for_each (node, &s->clients) {
            struct server_client *client = list_entry(node, struct server_client, link);
            if (jsonline_fd(client->line) == fds[i].fd) {
                server_serve(s, client, fds[i].revents);
                break;
            }
        }
    }
    for (struct list *node = s->clients.next, *next; node != &s->clients; node = next) {
        struct server_client *client = list_entry(node, struct server_client, link);
        next = node->next;
        if (client->failed)
            server_drop(s, client);
    }
}
