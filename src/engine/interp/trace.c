/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.c: see trace.h. The disassembler is Zydis. */
#include "engine/interp/trace.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int interp_trace_start(struct interp_engine *e, int fd, uint64_t count)
{
    int rc = 0;
    pthread_mutex_lock(&e->trace_lock);
    if (e->trace_file)
        rc = -EBUSY;
    else if (ftruncate(fd, 0) < 0 && errno != EINVAL) /* a pipe has nothing to lose */
        rc = -errno;
    else if (!(e->trace_file = fdopen(fd, "w")))
        rc = -errno;
    else
        e->trace_left = count;
    pthread_mutex_unlock(&e->trace_lock);
    if (rc == 0)
        interp_request_flush(e, NULL);
    else
        close(fd);
    return rc;
}

/* The lock is held. */
static void finish(struct interp_engine *e)
{
    if (e->trace_file)
        (void)fclose(e->trace_file);
    e->trace_file = NULL;
}

void interp_trace_end(struct interp_engine *e)
{
    pthread_mutex_lock(&e->trace_lock);
    finish(e);
    pthread_mutex_unlock(&e->trace_lock);
}

bool interp_trace_wanted(const struct interp_vcpu *v)
{
    struct interp_engine *e = v->engine;
    pthread_mutex_lock(&e->trace_lock);
    bool wanted = e->trace_file != NULL;
    pthread_mutex_unlock(&e->trace_lock);
    return wanted;
}

static ZydisMachineMode machine_mode(const struct interp_vcpu *v)
{
    switch (v->code_mode) {
    case X86_MODE_64: return ZYDIS_MACHINE_MODE_LONG_64;
    case X86_MODE_32: return ZYDIS_MACHINE_MODE_LEGACY_32;
    default: return v->cpu.cr0 & X86_CR0_PE ? ZYDIS_MACHINE_MODE_LEGACY_16 : ZYDIS_MACHINE_MODE_REAL_16;
    }
}

static char *put_hex(char *to, uint64_t value, unsigned digits)
{
    for (unsigned shift = 4 * digits; shift; shift -= 4)
        *to++ = "0123456789abcdef"[value >> (shift - 4) & 15];
    return to;
}

/* Quick, because the guest's clock goes on meanwhile: a slow trace shows nothing but timer interrupts. */
static void describe(const struct interp_vcpu *v, const struct interp_block *b, FILE *f)
{
    ZydisDisassembledInstruction insn;
    char line[256], *p = line + snprintf(line, 16, "%u ", v->index);
    p = (char *)memcpy(p, v->user ? "user   " : "system ", 7) + 7;
    p = put_hex(p, v->cpu.seg[X86_CS].selector, 4);
    *p++ = ':';
    p = put_hex(p, v->cpu.rip, 16);
    *p++ = ' ';
    for (unsigned i = 0; i < X86_INSN_MAX; i++) {
        *p++ = ' ';
        p = i < b->bytes ? put_hex(p, b->seen[i], 2) : (char *)memcpy(p, "  ", 2) + 2;
    }
    const bool known =
        b->bytes && ZYAN_SUCCESS(ZydisDisassembleIntel(machine_mode(v), v->cpu.rip, b->seen, b->bytes, &insn));
    (void)fwrite(line, 1, (size_t)(p - line), f);
    (void)fputs("  ", f);
    (void)fputs(known ? insn.text : "(no instruction)", f);
    (void)fputc('\n', f);
}

void interp_trace_instruction(struct interp_vcpu *v, const struct interp_block *b)
{
    struct interp_engine *e = v->engine;
    pthread_mutex_lock(&e->trace_lock);
    if (e->trace_file) {
        describe(v, b, e->trace_file);
        if (--e->trace_left == 0 || ferror(e->trace_file))
            finish(e);
    }
    v->tracing = e->trace_file != NULL;
    pthread_mutex_unlock(&e->trace_lock);
}

void interp_trace_event(struct interp_vcpu *v, const struct interp_event *event)
{
    static const char *const cause[] = {
        [INTERP_FAULT] = "exception", [INTERP_SOFT_INT] = "software interrupt", [INTERP_EXTERNAL] = "interrupt"};
    struct interp_engine *e = v->engine;
    pthread_mutex_lock(&e->trace_lock);
    if (e->trace_file) {
        fprintf(e->trace_file, "%u %s %u", v->index, cause[event->cause], event->vector);
        if (event->has_error)
            fprintf(e->trace_file, ", error %x", event->error);
        if (event->cause == INTERP_FAULT && event->vector == X86_EXC_PF)
            fprintf(e->trace_file, ", address %llx", (unsigned long long)event->cr2);
        fputc('\n', e->trace_file);
    }
    pthread_mutex_unlock(&e->trace_lock);
}
