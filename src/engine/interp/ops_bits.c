/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops_bits.c: shifts, rotates, bit tests, multiplication, division, exchanges and the other integer operations that
 * choose their size at run time. Undefined flags follow Intel processors where a fixed rule is known.
 */
#include "engine/interp/ops.h"

#include "engine/interp/flags.h"

static uint64_t size_mask(unsigned size)
{
    return size == 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

static __attribute__((noinline)) void inc(struct interp_vcpu *v, const struct interp_op *op)
{
    struct interp_rmw m;
    int64_t a, dst, cf = cc_cf(v);
    do {
        a = interp_rm_begin(v, op, &m);
        uint64_t r = op->kind == 0   ? (uint64_t)a + 1
                     : op->kind == 1 ? (uint64_t)a - 1
                     : op->kind == 2 ? ~(uint64_t)a
                                     : 0 - (uint64_t)a;
        dst = interp_extend(r, op->size);
    } while (!interp_rm_end(v, op, &m, a, (uint64_t)dst));
    if (op->kind == 3) {
        v->cc_op = CC_SUB;
        v->cc_a = 0;
        v->cc_b = a;
        v->cc_dst = dst;
    } else if (op->kind < 2) {
        v->cc_op = op->kind == 0 ? CC_INC : CC_DEC;
        v->cc_a = a;
        v->cc_b = cf;
        v->cc_dst = dst;
    }
}

INTERP_HANDLER(inc)

/* --- shifts and rotates --- */

struct shifted {
    uint64_t value;
    uint32_t flags; /* of `changed` */
    uint32_t changed;
};

static struct shifted rotate(unsigned kind, unsigned size, uint64_t a, unsigned count, bool cf)
{
    unsigned bits = 8 * size, n = count % bits;
    uint64_t r, top = 1ull << (bits - 1);
    if (kind == SHIFT_RCL || kind == SHIFT_RCR) {
        n = count % (bits + 1);
        r = a;
        for (unsigned i = 0; i < n; i++) {
            bool out = kind == SHIFT_RCL ? (r & top) != 0 : (r & 1) != 0;
            r = kind == SHIFT_RCL ? (r << 1 | cf) & size_mask(size) : r >> 1 | (cf ? top : 0);
            cf = out;
        }
    } else if (kind == SHIFT_ROL) {
        r = n ? (a << n | a >> (bits - n)) & size_mask(size) : a;
        cf = r & 1;
    } else {
        r = n ? (a >> n | a << (bits - n)) & size_mask(size) : a;
        cf = (r & top) != 0;
    }
    bool left = kind == SHIFT_ROL || kind == SHIFT_RCL;
    bool of = left ? ((r & top) != 0) != cf : ((r & top) != 0) != ((r & top >> 1) != 0);
    return (struct shifted){r, (cf ? X86_CF : 0) | (of ? X86_OF : 0), X86_CF | X86_OF};
}

static struct shifted shift_value(unsigned kind, unsigned size, uint64_t a, unsigned n)
{
    unsigned bits = 8 * size;
    uint64_t r, top = 1ull << (bits - 1);
    bool cf, of;
    if (kind == SHIFT_SHR) {
        cf = n <= bits && (a >> (n - 1) & 1);
        r = n < bits ? a >> n : 0;
        of = (a & top) != 0;
    } else if (kind == SHIFT_SAR) {
        int64_t s = interp_extend(a, size);
        cf = (uint64_t)(s >> (n - 1)) & 1;
        r = (uint64_t)(s >> n) & size_mask(size);
        of = false;
    } else {
        cf = n <= bits && (a >> (bits - n) & 1);
        r = n < bits ? a << n & size_mask(size) : 0;
        of = ((r & top) != 0) != cf;
    }
    return (struct shifted){r, (cf ? X86_CF : 0) | (of ? X86_OF : 0), X86_ARITH};
}

static __attribute__((noinline)) void shift(struct interp_vcpu *v, const struct interp_op *op)
{
    struct interp_rmw m;
    unsigned count = (unsigned)(op->imm < 0 ? v->cpu.gpr[X86_RCX] : (uint64_t)op->imm) & (op->size == 8 ? 63 : 31);
    bool rotates = op->kind <= SHIFT_RCR;
    uint64_t old = (uint64_t)interp_rm_begin(v, op, &m), a = old & size_mask(op->size);
    if (!count) {
        /* Writes its destination all the same (which matters for the upper half of a 32-bit register). */
        interp_rm_end(v, op, &m, (int64_t)old, a);
        return;
    }
    struct shifted s =
        rotates ? rotate(op->kind, op->size, a, count, cc_cf(v)) : shift_value(op->kind, op->size, a, count);
    interp_rm_end(v, op, &m, (int64_t)old, s.value);
    if (rotates)
        cc_set(v, (cc_arith(v) & ~s.changed) | s.flags);
    else
        cc_bits(v, interp_extend(s.value, op->size), s.flags);
}

INTERP_HANDLER(shift)

/* n: 1 to 31 or 63; sizes 4 and 8 only. */
ALWAYS_INLINE void shift_reg(struct interp_vcpu *v, const struct interp_op *op, unsigned kind, unsigned size,
                             unsigned n)
{
    unsigned bits = 8 * size;
    int64_t a = interp_reg(v, op->rm, size), dst;
    bool cf, of;
    if (kind == SHIFT_SHL) {
        dst = interp_extend((uint64_t)a << n, size);
        cf = (uint64_t)a >> (bits - n) & 1;
        of = (dst < 0) != cf;
    } else if (kind == SHIFT_SHR) {
        uint64_t u = size == 4 ? (uint32_t)a : (uint64_t)a;
        dst = interp_extend(u >> n, size);
        cf = u >> (n - 1) & 1;
        of = a < 0;
    } else {
        dst = a >> n;
        cf = (uint64_t)(a >> (n - 1)) & 1;
        of = false;
    }
    cc_bits(v, dst, (cf ? X86_CF : 0) | (of ? X86_OF : 0));
    interp_set_reg(v, op->rm, size, (uint64_t)dst);
}

#define DEFINE_SHIFT(kind, size)                                                      \
    static void op_##kind##_##size(struct interp_vcpu *v, const struct interp_op *op) \
    {                                                                                 \
        shift_reg(v, op, kind, size, (unsigned)op->imm);                              \
        INTERP_NEXT(v, op);                                                           \
    }
#define DEFINE_SHIFT_CL(kind, size)                                                      \
    static void op_cl_##kind##_##size(struct interp_vcpu *v, const struct interp_op *op) \
    {                                                                                    \
        unsigned n = (unsigned)v->cpu.gpr[X86_RCX] & (8 * size - 1);                     \
        if (likely(n))                                                                   \
            shift_reg(v, op, kind, size, n);                                             \
        else if (size == 4)                                                              \
            interp_set_reg(v, op->rm, 4, interp_slot64(v, op->rm));                      \
        INTERP_NEXT(v, op);                                                              \
    }
DEFINE_SHIFT_CL(SHIFT_SHL, 4)
DEFINE_SHIFT_CL(SHIFT_SHL, 8)
DEFINE_SHIFT_CL(SHIFT_SHR, 4)
DEFINE_SHIFT_CL(SHIFT_SHR, 8)
DEFINE_SHIFT_CL(SHIFT_SAR, 4)
DEFINE_SHIFT_CL(SHIFT_SAR, 8)
const interp_fn interp_shift_cl_ops[8][4] = {
    [SHIFT_SHL] = {NULL, NULL, op_cl_SHIFT_SHL_4, op_cl_SHIFT_SHL_8},
    [SHIFT_SAL] = {NULL, NULL, op_cl_SHIFT_SHL_4, op_cl_SHIFT_SHL_8},
    [SHIFT_SHR] = {NULL, NULL, op_cl_SHIFT_SHR_4, op_cl_SHIFT_SHR_8},
    [SHIFT_SAR] = {NULL, NULL, op_cl_SHIFT_SAR_4, op_cl_SHIFT_SAR_8},
};
DEFINE_SHIFT(SHIFT_SHL, 4)
DEFINE_SHIFT(SHIFT_SHL, 8)
DEFINE_SHIFT(SHIFT_SHR, 4)
DEFINE_SHIFT(SHIFT_SHR, 8)
DEFINE_SHIFT(SHIFT_SAR, 4)
DEFINE_SHIFT(SHIFT_SAR, 8)
const interp_fn interp_shift_imm_ops[8][4] = {
    [SHIFT_SHL] = {NULL, NULL, op_SHIFT_SHL_4, op_SHIFT_SHL_8},
    [SHIFT_SAL] = {NULL, NULL, op_SHIFT_SHL_4, op_SHIFT_SHL_8},
    [SHIFT_SHR] = {NULL, NULL, op_SHIFT_SHR_4, op_SHIFT_SHR_8},
    [SHIFT_SAR] = {NULL, NULL, op_SHIFT_SAR_4, op_SHIFT_SAR_8},
};

static __attribute__((noinline)) void shld(struct interp_vcpu *v, const struct interp_op *op)
{
    struct interp_rmw m;
    unsigned bits = 8u * op->size;
    unsigned n = (unsigned)(op->imm < 0 ? v->cpu.gpr[X86_RCX] : (uint64_t)op->imm) & (op->size == 8 ? 63 : 31);
    uint64_t old = (uint64_t)interp_rm_begin(v, op, &m), a = old & size_mask(op->size);
    uint64_t b = (uint64_t)interp_reg_read(v, op) & size_mask(op->size), r, top = 1ull << (bits - 1);
    bool cf;
    if (!n) {
        interp_rm_end(v, op, &m, (int64_t)old, a);
        return;
    }
    if (op->size == 2) { /* counts above 16 shift on through the source and the destination again */
        unsigned __int128 w = op->kind == 0 ? (unsigned __int128)(a << 32 | b << 16 | a) : 0;
        if (op->kind == 0) {
            uint64_t t = (uint64_t)w << n;
            r = t >> 32 & 0xffff;
            cf = t >> 48 & 1;
        } else {
            uint64_t t = a << 32 | b << 16 | a;
            r = t >> n & 0xffff;
            cf = t >> (n - 1) & 1;
        }
    } else if (op->kind == 0) {
        r = (a << n | b >> (bits - n)) & size_mask(op->size);
        cf = a >> (bits - n) & 1;
    } else {
        r = (a >> n | b << (bits - n)) & size_mask(op->size);
        cf = a >> (n - 1) & 1;
    }
    bool of = ((a ^ r) & top) != 0;
    interp_rm_end(v, op, &m, (int64_t)old, r);
    cc_bits(v, interp_extend(r, op->size), (cf ? X86_CF : 0) | (of ? X86_OF : 0));
}

INTERP_HANDLER(shld)

/* --- exchanges --- */

static __attribute__((noinline)) void xchg(struct interp_vcpu *v, const struct interp_op *op)
{
    struct interp_rmw m;
    int64_t a, b = interp_reg_read(v, op);
    do
        a = interp_rm_begin(v, op, &m);
    while (!interp_rm_end(v, op, &m, a, (uint64_t)b));
    interp_reg_write(v, op, (uint64_t)a);
}

INTERP_HANDLER(xchg)

static void set_add(struct interp_vcpu *v, uint32_t kind, int64_t a, int64_t b, unsigned size)
{
    v->cc_op = kind;
    v->cc_a = a;
    v->cc_b = b;
    v->cc_dst = interp_extend(kind == CC_ADD ? (uint64_t)a + (uint64_t)b : (uint64_t)a - (uint64_t)b, size);
}

static __attribute__((noinline)) void xadd(struct interp_vcpu *v, const struct interp_op *op)
{
    struct interp_rmw m;
    int64_t a, b = interp_reg_read(v, op);
    do
        a = interp_rm_begin(v, op, &m);
    while (!op->is_reg && !interp_rm_end(v, op, &m, a, (uint64_t)a + (uint64_t)b));
    interp_reg_write(v, op, (uint64_t)a);
    if (op->is_reg) /* the sum wins when both are one register */
        interp_set_reg(v, op->rm, op->size, (uint64_t)a + (uint64_t)b);
    set_add(v, CC_ADD, a, b, op->size);
}

INTERP_HANDLER(xadd)

static __attribute__((noinline)) void cmpxchg(struct interp_vcpu *v, const struct interp_op *op)
{
    struct interp_rmw m;
    int64_t a, acc = interp_extend(v->cpu.gpr[X86_RAX], op->size), b = interp_reg_read(v, op);
    do { /* a register that is not the same stays whole, its upper half too */
        a = interp_rm_begin(v, op, &m);
        if (op->is_reg && a != acc)
            break;
    } while (!interp_rm_end(v, op, &m, a, (uint64_t)(a == acc ? b : a)));
    if (a != acc)
        interp_set_reg(v, REG_OFFSET(X86_RAX), op->size, (uint64_t)a);
    set_add(v, CC_SUB, acc, a, op->size);
}

INTERP_HANDLER(cmpxchg)

static bool swap_wide(uint8_t *host, unsigned size, const uint64_t expect[2], const uint64_t set[2], uint64_t seen[2])
{
    if (size == 8) {
        uint64_t e = expect[0] | expect[1] << 32, s = set[0] | set[1] << 32;
        uint64_t was = __sync_val_compare_and_swap((uint64_t *)(void *)host, e, s);
        seen[0] = (uint32_t)was;
        seen[1] = was >> 32;
        return was == e;
    }
    bool ok;
    seen[0] = expect[0];
    seen[1] = expect[1];
    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(ok), "+m"(*(unsigned __int128 *)(void *)host), "+a"(seen[0]), "+d"(seen[1])
                     : "b"(set[0]), "c"(set[1])
                     : "memory");
    return ok;
}

static __attribute__((noinline)) void cmpxchg_wide(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t *gpr = v->cpu.gpr, seen[2], low = op->size == 8 ? 0xffffffffu : ~0ull;
    uint64_t expect[2] = {gpr[X86_RAX] & low, gpr[X86_RDX] & low}, set[2] = {gpr[X86_RBX] & low, gpr[X86_RCX] & low};
    gva_t lin = interp_address(v, op, op->size, true, op->addr_size == 8);
    bool ok;
    v->op = op;
    if (op->size == 16 && (lin & 15))
        interp_raise_error(v, X86_EXC_GP, 0);
    uint8_t *host = interp_hit(v, lin, op->size, true);
    if (!host) {
        struct interp_rmw m;
        interp_rmw_begin_slow(v, op, lin, 8, &m);
        if (m.first == 8 && m.page[0].host && !(m.page[0].flags & MEMORY_READONLY)) {
            host = m.page[0].host;
            ok = swap_wide(host, op->size, expect, set, seen);
            if (m.page[0].flags & (MEMORY_CODE | MEMORY_LOGGED))
                interp_wrote(v, &m.page[0], op->size);
        } else { /* Deviation: not atomic across pages and on devices */
            uint64_t value[2] = {0, 0};
            interp_read_lin(v, lin, value, op->size, interp_data_access(v));
            seen[0] = op->size == 8 ? (uint32_t)value[0] : value[0];
            seen[1] = op->size == 8 ? value[0] >> 32 : value[1];
            ok = seen[0] == expect[0] && seen[1] == expect[1];
            uint64_t *out = ok ? set : seen, packed[2] = {op->size == 8 ? out[0] | out[1] << 32 : out[0], out[1]};
            interp_write_lin(v, lin, packed, op->size, interp_data_access(v));
        }
    } else {
        ok = swap_wide(host, op->size, expect, set, seen);
    }
    if (!ok) {
        gpr[X86_RAX] = seen[0];
        gpr[X86_RDX] = seen[1];
    }
    cc_set(v, (cc_arith(v) & ~X86_ZF) | (ok ? X86_ZF : 0));
}

INTERP_HANDLER(cmpxchg_wide)

/* --- multiplication and division --- */

static void set_product(struct interp_vcpu *v, const struct interp_op *op, uint64_t lo, uint64_t hi)
{
    uint64_t *gpr = v->cpu.gpr;
    if (op->size == 1) {
        interp_set_reg(v, REG_OFFSET(X86_RAX), 2, (lo & 0xff) | hi << 8);
        return;
    }
    interp_set_reg(v, REG_OFFSET(X86_RAX), op->size, lo);
    interp_set_reg(v, REG_OFFSET(X86_RDX), op->size, hi);
    (void)gpr;
}

static void multiply(struct interp_vcpu *v, const struct interp_op *op, int64_t b)
{
    unsigned bits = 8u * op->size;
    int64_t a = interp_extend(v->cpu.gpr[X86_RAX], op->size);
    uint64_t mask = size_mask(op->size), lo, hi;
    bool over;
    if (op->kind == 0) {
        unsigned __int128 p = (unsigned __int128)((uint64_t)a & mask) * ((uint64_t)b & mask);
        lo = (uint64_t)p & mask;
        hi = (uint64_t)(p >> bits) & mask;
        over = hi != 0;
    } else {
        __int128 p = (__int128)a * b;
        lo = (uint64_t)p & mask;
        hi = (uint64_t)(p >> bits) & mask;
        over = p != interp_extend(lo, op->size);
    }
    set_product(v, op, lo, hi);
    cc_bits(v, interp_extend(lo, op->size), over ? X86_CF | X86_OF : 0);
}

static void divide_unsigned(struct interp_vcpu *v, const struct interp_op *op, uint64_t d)
{
    unsigned bits = 8u * op->size;
    uint64_t mask = size_mask(op->size), *gpr = v->cpu.gpr;
    unsigned __int128 n = op->size == 1 ? (uint16_t)gpr[X86_RAX]
                                        : (unsigned __int128)(gpr[X86_RDX] & mask) << bits | (gpr[X86_RAX] & mask);
    v->op = op;
    d &= mask;
    if (!d || (uint64_t)(n >> bits) >= d)
        interp_raise(v, X86_EXC_DE);
    if (!(uint64_t)(n >> 64))
        set_product(v, op, (uint64_t)n / d, (uint64_t)n % d);
    else
        set_product(v, op, (uint64_t)(n / d), (uint64_t)(n % d));
}

static void divide_signed(struct interp_vcpu *v, const struct interp_op *op, int64_t d)
{
    unsigned bits = 8u * op->size;
    uint64_t mask = size_mask(op->size), *gpr = v->cpu.gpr;
    __int128 n;
    v->op = op;
    if (!d)
        interp_raise(v, X86_EXC_DE);
    if (op->size == 1)
        n = (int16_t)gpr[X86_RAX];
    else
        n = (__int128)((unsigned __int128)(__int128)interp_extend(gpr[X86_RDX], op->size) << bits |
                       (gpr[X86_RAX] & mask));
    if (d == -1 && n == (__int128)((unsigned __int128)1 << 127)) /* the one quotient that the host cannot hold */
        interp_raise(v, X86_EXC_DE);
    __int128 q = n / d, r = n % d;
    if (q != interp_extend((uint64_t)q, op->size))
        interp_raise(v, X86_EXC_DE);
    set_product(v, op, (uint64_t)q & mask, (uint64_t)r & mask);
}

void interp_op_mul(struct interp_vcpu *v, const struct interp_op *op)
{
    int64_t b = interp_rm_read(v, op);
    switch (op->kind) {
    case 0:
    case 1: multiply(v, op, b); break;
    case 2: divide_unsigned(v, op, (uint64_t)b); break;
    default: divide_signed(v, op, b); break;
    }
    INTERP_NEXT(v, op);
}

static void multiply_into(struct interp_vcpu *v, const struct interp_op *op, int64_t a, int64_t b)
{
    __int128 p = (__int128)a * b;
    int64_t r = interp_extend((uint64_t)p, op->size);
    interp_reg_write(v, op, (uint64_t)r);
    cc_bits(v, r, p != r ? X86_CF | X86_OF : 0);
}

void interp_op_imul2(struct interp_vcpu *v, const struct interp_op *op)
{
    multiply_into(v, op, interp_rm_read(v, op), interp_reg_read(v, op));
    INTERP_NEXT(v, op);
}

void interp_op_imul3(struct interp_vcpu *v, const struct interp_op *op)
{
    multiply_into(v, op, interp_rm_read(v, op), op->imm);
    INTERP_NEXT(v, op);
}

/* --- single bits --- */

static void bit_do(struct interp_vcpu *v, const struct interp_op *op, unsigned bit)
{
    struct interp_rmw m;
    uint64_t one = 1ull << bit;
    int64_t a;
    if (op->kind == 0) {
        a = interp_rm_read(v, op);
    } else {
        uint64_t r;
        do {
            a = interp_rm_begin(v, op, &m);
            r = op->kind == 1 ? (uint64_t)a | one : op->kind == 2 ? (uint64_t)a & ~one : (uint64_t)a ^ one;
        } while (!interp_rm_end(v, op, &m, a, r));
    }
    cc_set(v, (cc_arith(v) & ~X86_CF) | ((uint64_t)a & one ? X86_CF : 0));
}

static __attribute__((noinline)) void bit_imm(struct interp_vcpu *v, const struct interp_op *op)
{
    bit_do(v, op, (unsigned)op->imm & (8u * op->size - 1));
}

INTERP_HANDLER(bit_imm)

static __attribute__((noinline)) void bit(struct interp_vcpu *v, const struct interp_op *op)
{
    unsigned bits = 8u * op->size;
    int64_t index = interp_reg_read(v, op);
    if (op->is_reg) {
        bit_do(v, op, (unsigned)index & (bits - 1));
    } else { /* the bit string reaches beyond the operand, both ways */
        struct interp_op moved = *op;
        moved.disp += (index >> (op->size == 8 ? 6 : op->size == 4 ? 5 : 4)) * op->size;
        bit_do(v, &moved, (unsigned)index & (bits - 1));
    }
}

INTERP_HANDLER(bit)

void interp_op_scan(struct interp_vcpu *v, const struct interp_op *op)
{
    unsigned bits = 8u * op->size;
    uint64_t a = (uint64_t)interp_rm_read(v, op) & size_mask(op->size), r = 0;
    if (op->kind == SCAN_BSF || op->kind == SCAN_BSR) {
        if (a)
            interp_reg_write(v, op, (unsigned)(op->kind == SCAN_BSF ? __builtin_ctzll(a) : 63 - __builtin_clzll(a)));
        cc_set(v, (cc_arith(v) & ~X86_ARITH) | (a ? 0 : X86_ZF | X86_PF));
        INTERP_NEXT(v, op);
    }
    switch (op->kind) {
    case SCAN_TZCNT: r = a ? (unsigned)__builtin_ctzll(a) : bits; break;
    case SCAN_LZCNT: r = a ? (unsigned)__builtin_clzll(a) - (64 - bits) : bits; break;
    default: r = (unsigned)__builtin_popcountll(a); break;
    }
    interp_reg_write(v, op, r);
    if (op->kind == SCAN_POPCNT)
        cc_set(v, a ? 0 : X86_ZF);
    else
        cc_set(v, (a ? 0 : X86_CF) | (r ? 0 : X86_ZF));
    INTERP_NEXT(v, op);
}

/* --- the rest --- */

void interp_op_bswap(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t a = interp_slot64(v, op->rm);
    if (op->size == 8)
        interp_set_reg(v, op->rm, 8, __builtin_bswap64(a));
    else if (op->size == 4)
        interp_set_reg(v, op->rm, 4, __builtin_bswap32((uint32_t)a));
    else
        interp_set_reg(v, op->rm, 2, 0); /* undefined; what Intel's processors do */
    INTERP_NEXT(v, op);
}

void interp_op_movbe(struct interp_vcpu *v, const struct interp_op *op)
{
    unsigned shift_by = 64 - 8u * op->size;
    if (op->kind == 0) {
        interp_reg_write(v, op, __builtin_bswap64((uint64_t)interp_rm_read(v, op)) >> shift_by);
    } else {
        uint64_t value = __builtin_bswap64(interp_slot64(v, op->reg)) >> shift_by;
        gva_t lin = interp_address(v, op, op->size, true, op->addr_size == 8);
        interp_write(v, op, lin, op->size == 2 ? 2 : op->size == 4 ? 4 : 8, value);
    }
    INTERP_NEXT(v, op);
}

void interp_op_convert_a(struct interp_vcpu *v, const struct interp_op *op)
{
    interp_set_reg(v, REG_OFFSET(X86_RAX), op->size, (uint64_t)interp_extend(v->cpu.gpr[X86_RAX], op->size / 2u));
    INTERP_NEXT(v, op);
}

void interp_op_convert_d(struct interp_vcpu *v, const struct interp_op *op)
{
    int64_t a = interp_extend(v->cpu.gpr[X86_RAX], op->size);
    interp_set_reg(v, REG_OFFSET(X86_RDX), op->size, a < 0 ? ~0ull : 0);
    INTERP_NEXT(v, op);
}

void interp_op_xlat(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t offset = interp_wrap(v->cpu.gpr[X86_RBX] + (uint8_t)v->cpu.gpr[X86_RAX], op->addr_size);
    gva_t lin =
        op->addr_size == 8 ? offset + interp_slot64(v, op->seg_base) : interp_linear(v, op, op->seg, offset, 1, false);
    interp_set_reg(v, REG_OFFSET(X86_RAX), 1, (uint64_t)interp_read(v, op, lin, 1));
    INTERP_NEXT(v, op);
}

static void decimal_adjust(struct interp_vcpu *v, bool subtract)
{
    uint32_t flags = cc_arith(v);
    uint8_t al = (uint8_t)v->cpu.gpr[X86_RAX], old = al;
    bool cf = flags & X86_CF, af = (al & 15) > 9 || (flags & X86_AF), carry = false;
    if (af) {
        carry = subtract ? al < 6 : al > 0xf9;
        al = (uint8_t)(subtract ? al - 6 : al + 6);
    }
    bool high = old > 0x99 || cf;
    if (high)
        al = (uint8_t)(subtract ? al - 0x60 : al + 0x60);
    interp_set_reg(v, REG_OFFSET(X86_RAX), 1, al);
    cc_bits(v, (int8_t)al, (af ? X86_AF : 0) | (high || (carry && (subtract || cf)) ? X86_CF : 0));
}

static void ascii_adjust(struct interp_vcpu *v, bool subtract)
{
    uint32_t flags = cc_arith(v);
    uint16_t ax = (uint16_t)v->cpu.gpr[X86_RAX];
    bool adjust = (ax & 15) > 9 || (flags & X86_AF);
    if (adjust)
        ax = (uint16_t)(subtract ? ax - 0x106 : ax + 0x106);
    cc_bits(v, (int8_t)ax, adjust ? X86_AF | X86_CF : 0);
    interp_set_reg(v, REG_OFFSET(X86_RAX), 2, ax & 0xff0f);
    cc_bits(v, (int8_t)(ax & 0xf), adjust ? X86_AF | X86_CF : 0);
}

void interp_op_bcd(struct interp_vcpu *v, const struct interp_op *op)
{
    uint8_t al = (uint8_t)v->cpu.gpr[X86_RAX], ah = (uint8_t)(v->cpu.gpr[X86_RAX] >> 8), base = (uint8_t)op->imm;
    switch (op->kind) {
    case 0x27:
    case 0x2f: decimal_adjust(v, op->kind == 0x2f); break;
    case 0x37:
    case 0x3f: ascii_adjust(v, op->kind == 0x3f); break;
    case 0xd4: /* AAM */
        v->op = op;
        if (!base)
            interp_raise(v, X86_EXC_DE);
        interp_set_reg(v, REG_OFFSET(X86_RAX), 2, (uint64_t)(al / base) << 8 | (al % base));
        cc_bits(v, (int8_t)(al % base), 0);
        break;
    default: /* AAD */ {
        uint8_t product = (uint8_t)(ah * base);
        interp_set_reg(v, REG_OFFSET(X86_RAX), 2, (uint8_t)(al + product));
        set_add(v, CC_ADD, (int8_t)al, (int8_t)product, 1);
        break;
    }
    }
    INTERP_NEXT(v, op);
}

void interp_op_crc32(struct interp_vcpu *v, const struct interp_op *op)
{
    uint64_t value = (uint64_t)interp_rm_read(v, op);
    uint64_t crc = (uint32_t)interp_slot64(v, op->reg);
    switch (op->size) {
    case 1: __asm__("crc32b %1, %0" : "+r"(crc) : "r"((uint8_t)value)); break;
    case 2: __asm__("crc32w %1, %k0" : "+r"(crc) : "r"((uint16_t)value)); break;
    case 4: __asm__("crc32l %1, %k0" : "+r"(crc) : "r"((uint32_t)value)); break;
    default: __asm__("crc32q %1, %0" : "+r"(crc) : "r"(value)); break;
    }
    interp_set_reg(v, op->reg, 8, (uint32_t)crc);
    INTERP_NEXT(v, op);
}

void interp_op_adx(struct interp_vcpu *v, const struct interp_op *op)
{
    uint32_t flags = cc_arith(v), bit = op->kind == 0 ? X86_CF : X86_OF;
    uint64_t mask = size_mask(op->size), a = interp_slot64(v, op->reg) & mask;
    uint64_t b = (uint64_t)interp_rm_read(v, op) & mask;
    unsigned __int128 sum = (unsigned __int128)a + b + ((flags & bit) != 0);
    interp_reg_write(v, op, (uint64_t)sum);
    cc_set(v, (flags & ~bit) | (sum >> (8 * op->size) ? bit : 0));
    INTERP_NEXT(v, op);
}
