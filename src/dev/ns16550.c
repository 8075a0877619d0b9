/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ns16550.c: the 16550A UART (National Semiconductor PC16550D data sheet). Knows registers, FIFOs and its line; not its
 * ports, nor where bytes go.
 *
 * Bytes are not held back to the speed of the line: the divisor is kept and paces nothing but interrupts. The "holding
 * register empty" interrupt comes a moment after a write, so that a driver that fills the FIFO in its handler leaves
 * it.
 */
#include "dev/ns16550.h"

#include "dev/bytewise.h"
#include "host/console/chardev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RBR = 0, IER = 1, IIR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7, THR = RBR, FCR = IIR };

#define IER_RECEIVED  0x01
#define IER_EMPTY     0x02
#define IER_LINE      0x04
#define IER_MODEM     0x08
#define IIR_NONE      0x01
#define IIR_MODEM     0x00
#define IIR_EMPTY     0x02
#define IIR_RECEIVED  0x04
#define IIR_LINE      0x06
#define IIR_TIMEOUT   0x0C
#define IIR_FIFOS     0xC0
#define FCR_ENABLE    0x01
#define FCR_CLEAR_RX  0x02
#define FCR_CLEAR_TX  0x04
#define LCR_BITS      0x03 /* 5 + that many */
#define LCR_STOP_2    0x04
#define LCR_PARITY    0x08
#define LCR_EVEN      0x10
#define LCR_BREAK     0x40
#define LCR_DLAB      0x80
#define MCR_DTR       0x01
#define MCR_RTS       0x02
#define MCR_OUT1      0x04
#define MCR_OUT2      0x08 /* opens the way to the interrupt controller on a PC */
#define MCR_LOOP      0x10
#define LSR_READY     0x01
#define LSR_OVERRUN   0x02
#define LSR_BREAK     0x10
#define LSR_EMPTY     0x20
#define LSR_IDLE      0x40
#define LSR_ERRORS    0x1E
#define MSR_CTS       0x10
#define MSR_DSR       0x20
#define MSR_RI        0x40
#define MSR_DCD       0x80
#define MSR_PLUGGED   (MSR_CTS | MSR_DSR | MSR_DCD)
#define FIFO          16
#define EMPTY_GAP_NS  50000
#define CHARACTER_NS  87000 /* ten bits at 115200 */
#define TIMEOUT_CHARS 4
#define BASE_BAUD     115200 /* 1.8432 MHz / 16 */

struct ns16550_state {
    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr;
    uint8_t divisor[2];
    uint8_t rx[FIFO], rx_first, rx_count;
    uint8_t tx[FIFO], tx_first, tx_count; /* what the stream did not take */
    bool empty_pending;                   /* the interrupt, cleared by reading IIR or writing THR */
    bool timeout_pending;
    uint16_t breaks; /* bit n: rx[n] stands for a break, which LSR tells when it is the next to be read */
};

struct ns16550 {
    struct device dev;
    struct ns16550_state s;
    struct irq_line *irq;    /* borrowed */
    struct chardev *chardev; /* borrowed */
    struct loop *loop;       /* borrowed */
    struct timer empty, timeout;
    struct chardev_line line; /* as the chardev was told last */
};

static struct ns16550 *to_uart(struct device *d)
{
    return (struct ns16550 *)d;
}

static unsigned fifo_size(const struct ns16550 *u)
{
    return u->s.fcr & FCR_ENABLE ? FIFO : 1;
}

static unsigned trigger_level(const struct ns16550 *u)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return u->s.fcr & FCR_ENABLE ? levels[u->s.fcr >> 6] : 1;
}

/* The most urgent interrupt as IIR shows it. */
static uint8_t pending(const struct ns16550 *u)
{
    const struct ns16550_state *s = &u->s;

    if (s->ier & IER_LINE && s->lsr & LSR_ERRORS)
        return IIR_LINE;
    if (s->ier & IER_RECEIVED && s->rx_count >= trigger_level(u))
        return IIR_RECEIVED;
    if (s->ier & IER_RECEIVED && s->timeout_pending)
        return IIR_TIMEOUT;
    if (s->ier & IER_EMPTY && s->empty_pending)
        return IIR_EMPTY;
    if (s->ier & IER_MODEM && s->msr & 0x0F)
        return IIR_MODEM;
    return IIR_NONE;
}

static void uart_drive(struct ns16550 *u)
{
    irq_set(u->irq, pending(u) != IIR_NONE && u->s.mcr & MCR_OUT2 && !(u->s.mcr & MCR_LOOP));
}

static void empty_fired(void *opaque)
{
    struct ns16550 *u = opaque;

    u->s.empty_pending = true;
    uart_drive(u);
}

static void timeout_fired(void *opaque)
{
    struct ns16550 *u = opaque;

    u->s.timeout_pending = u->s.rx_count > 0;
    uart_drive(u);
}

/* Four characters' time, as the divisor has it; within reason. */
static uint64_t timeout_ns(const struct ns16550 *u)
{
    uint64_t divisor = u->s.divisor[0] | (uint64_t)u->s.divisor[1] << 8;
    uint64_t ns = TIMEOUT_CHARS * CHARACTER_NS * (divisor ? divisor : 1);

    return ns > 10000000 ? 10000000 : ns;
}

/* An error goes with its byte: LSR has it when that is the next to be read. */
static void look_at_next(struct ns16550 *u)
{
    if (u->s.rx_count && u->s.breaks >> u->s.rx_first & 1)
        u->s.lsr |= LSR_BREAK;
}

static void receive(struct ns16550 *u, uint8_t byte, bool is_break)
{
    unsigned at = (u->s.rx_first + u->s.rx_count) % FIFO;

    if (u->s.rx_count >= fifo_size(u)) {
        u->s.lsr |= is_break ? LSR_OVERRUN | LSR_BREAK : LSR_OVERRUN;
        return;
    }
    u->s.rx[at] = byte;
    u->s.breaks = (uint16_t)((u->s.breaks & ~(1u << at)) | (unsigned)is_break << at);
    u->s.rx_count++;
    u->s.lsr |= LSR_READY;
    if (u->s.rx_count == 1)
        look_at_next(u);
    if (u->s.fcr & FCR_ENABLE)
        timer_set(&u->timeout, loop_now_ns(u->loop) + timeout_ns(u));
}

static void stream_input(void *opaque, const uint8_t *bytes, size_t n)
{
    struct ns16550 *u = opaque;

    if (u->s.mcr & MCR_LOOP)
        return; /* the pin is disconnected */
    for (size_t i = 0; i < n; i++)
        receive(u, bytes[i], false);
    uart_drive(u);
}

static void stream_break(void *opaque)
{
    struct ns16550 *u = opaque;

    if (u->s.mcr & MCR_LOOP)
        return;
    receive(u, 0, true);
    uart_drive(u);
}

static size_t stream_room(void *opaque)
{
    const struct ns16550 *u = opaque;

    return fifo_size(u) > u->s.rx_count ? fifo_size(u) - u->s.rx_count : 0;
}

/* Sends what waits; then the holding register is empty. */
static void transmit(struct ns16550 *u)
{
    while (u->s.tx_count) {
        size_t taken = u->chardev ? chardev_write(u->chardev, &u->s.tx[u->s.tx_first], 1) : 1;

        if (!taken)
            return; /* stream_writable() goes on */
        u->s.tx_first = (uint8_t)((u->s.tx_first + 1) % FIFO);
        u->s.tx_count--;
    }
    if (!(u->s.lsr & LSR_EMPTY) && u->s.ier & IER_EMPTY && !timer_armed(&u->empty))
        timer_set(&u->empty, loop_now_ns(u->loop) + EMPTY_GAP_NS);
    u->s.lsr |= LSR_EMPTY | LSR_IDLE;
}

static void stream_writable(void *opaque)
{
    transmit(opaque);
}

static void write_thr(struct ns16550 *u, uint8_t byte)
{
    u->s.empty_pending = false;
    if (u->s.mcr & MCR_LOOP) {
        receive(u, byte, false);
        u->s.empty_pending = true;
        return;
    }
    if (u->s.tx_count < FIFO)
        u->s.tx[(u->s.tx_first + u->s.tx_count++) % FIFO] = byte;
    u->s.lsr &= (uint8_t) ~(LSR_EMPTY | LSR_IDLE);
    transmit(u);
}

static uint8_t read_rbr(struct ns16550 *u)
{
    uint8_t byte = u->s.rx[u->s.rx_first];

    if (!u->s.rx_count)
        return u->s.fcr & FCR_ENABLE ? 0 : byte;
    u->s.rx_first = (uint8_t)((u->s.rx_first + 1) % FIFO);
    u->s.rx_count--;
    look_at_next(u);
    u->s.timeout_pending = false;
    if (!u->s.rx_count) {
        u->s.lsr &= (uint8_t)~LSR_READY;
        timer_cancel(&u->timeout);
    } else if (u->s.fcr & FCR_ENABLE)
        timer_set(&u->timeout, loop_now_ns(u->loop) + timeout_ns(u));
    if (u->chardev)
        chardev_room_changed(u->chardev);
    return byte;
}

static uint8_t read_iir(struct ns16550 *u)
{
    uint8_t value = pending(u);

    if (value == IIR_EMPTY)
        u->s.empty_pending = false;
    return value | (u->s.fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static void clear_rx(struct ns16550 *u)
{
    u->s.rx_first = u->s.rx_count = 0;
    u->s.lsr &= (uint8_t)~LSR_READY;
    u->s.timeout_pending = false;
    timer_cancel(&u->timeout);
    if (u->chardev)
        chardev_room_changed(u->chardev);
}

static void write_fcr(struct ns16550 *u, uint8_t value)
{
    bool switched = (value ^ u->s.fcr) & FCR_ENABLE;

    u->s.fcr = value & FCR_ENABLE ? value & 0xC9 : 0;
    if (switched || value & FCR_CLEAR_RX)
        clear_rx(u);
    if (switched || value & FCR_CLEAR_TX) {
        u->s.tx_first = u->s.tx_count = 0;
        transmit(u);
    }
}

static void write_ier(struct ns16550 *u, uint8_t value)
{
    uint8_t old = u->s.ier;

    u->s.ier = value & 0x0F;
    if (!(old & IER_EMPTY) && value & IER_EMPTY && u->s.lsr & LSR_EMPTY)
        u->s.empty_pending = true; /* at once: drivers test the chip by this */
}

/* The divisor and LCR, to a line of the host. */
static void tell_line(struct ns16550 *u)
{
    unsigned divisor = u->s.divisor[0] | (unsigned)u->s.divisor[1] << 8, lcr = u->s.lcr;
    struct chardev_line line = {
        .baud = BASE_BAUD / (divisor ? divisor : 1),
        .data_bits = 5 + (lcr & LCR_BITS),
        .stop_bits = lcr & LCR_STOP_2 ? 2 : 1,
        .parity = lcr & LCR_PARITY ? (lcr & LCR_EVEN ? 'E' : 'O') : 'N',
    };

    if (!u->chardev || lcr & LCR_DLAB || !memcmp(&line, &u->line, sizeof line))
        return;
    u->line = line;
    chardev_set_line(u->chardev, &line);
}

static void write_lcr(struct ns16550 *u, uint8_t value)
{
    uint8_t changed = value ^ u->s.lcr;

    u->s.lcr = value;
    if (changed & LCR_BREAK && u->chardev && !(u->s.mcr & MCR_LOOP))
        chardev_set_break(u->chardev, value & LCR_BREAK);
    tell_line(u); /* the divisor is whole when DLAB goes down */
}

/* The modem lines as they are now, with the change bits against what they were. */
static void update_modem(struct ns16550 *u)
{
    uint8_t old = u->s.msr, mcr = u->s.mcr, now;

    if (mcr & MCR_LOOP)
        now = (uint8_t)((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) | (mcr & MCR_OUT1 ? MSR_RI : 0) |
                        (mcr & MCR_OUT2 ? MSR_DCD : 0));
    else
        now = u->chardev ? MSR_PLUGGED : 0;
    now |= (uint8_t)((old & 0x0F) | ((old ^ now) >> 4 & 0x0B)); /* CTS, DSR, DCD: any change */
    if (old & MSR_RI && !(now & MSR_RI))                        /* RI: its end */
        now |= 0x04;
    u->s.msr = now;
}

static uint8_t uart_read_reg(struct device *d, unsigned reg)
{
    struct ns16550 *u = to_uart(d);
    uint8_t value;

    if (reg <= 1 && u->s.lcr & LCR_DLAB)
        return u->s.divisor[reg];
    switch (reg) {
    case RBR: value = read_rbr(u); break;
    case IER: return u->s.ier;
    case IIR: value = read_iir(u); break;
    case LCR: return u->s.lcr;
    case MCR: return u->s.mcr;
    case LSR:
        value = u->s.lsr;
        u->s.lsr &= (uint8_t)~LSR_ERRORS;
        break;
    case MSR:
        value = u->s.msr;
        u->s.msr &= 0xF0;
        break;
    default: return u->s.scr;
    }
    uart_drive(u);
    return value;
}

static void uart_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    struct ns16550 *u = to_uart(d);

    if (reg <= 1 && u->s.lcr & LCR_DLAB) {
        u->s.divisor[reg] = value;
        return;
    }
    switch (reg) {
    case THR: write_thr(u, value); break;
    case IER: write_ier(u, value); break;
    case FCR: write_fcr(u, value); break;
    case LCR: write_lcr(u, value); break;
    case MCR:
        u->s.mcr = value & 0x1F;
        update_modem(u);
        break;
    case LSR:
    case MSR: break;
    case SCR: u->s.scr = value; break;
    }
    uart_drive(u);
}

static uint64_t uart_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, uart_read_reg);
}

static void uart_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, uart_write_reg);
}

const struct io_ops ns16550_io = {.read = uart_read, .write = uart_write};

static void uart_reset(struct device *d)
{
    struct ns16550 *u = to_uart(d);

    timer_cancel(&u->empty);
    timer_cancel(&u->timeout);
    u->s = (struct ns16550_state){.lsr = LSR_EMPTY | LSR_IDLE, .divisor = {12, 0}};
    u->s.msr = u->chardev ? MSR_PLUGGED : 0;
    if (u->chardev)
        chardev_room_changed(u->chardev);
    uart_drive(u);
}

static int uart_check(const void *state)
{
    const struct ns16550_state *s = state;

    return s->ier > 0x0F || s->mcr > 0x1F || s->rx_first >= FIFO || s->rx_count > FIFO || s->tx_first >= FIFO ||
                   s->tx_count > FIFO || !(s->lsr & LSR_READY) != !s->rx_count
               ? -EINVAL
               : 0;
}

static void uart_loaded(struct device *d)
{
    struct ns16550 *u = to_uart(d);

    if (u->s.ier & IER_EMPTY && u->s.lsr & LSR_EMPTY &&
        !u->s.empty_pending) /* a driver may wait for it; once too often does no harm */
        timer_set(&u->empty, loop_now_ns(u->loop) + EMPTY_GAP_NS);
    if (u->s.rx_count)
        timer_set(&u->timeout, loop_now_ns(u->loop) + timeout_ns(u));
    if (u->s.tx_count)
        transmit(u);
    tell_line(u);
    if (u->chardev)
        chardev_room_changed(u->chardev);
    uart_drive(u);
}

static void uart_destroy(struct device *d)
{
    struct ns16550 *u = to_uart(d);

    timer_cancel(&u->empty);
    timer_cancel(&u->timeout);
    if (u->chardev)
        chardev_set_client(u->chardev, NULL);
    free(u);
}

static const struct device_ops uart_ops = {
    .name = "ns16550",
    .version = 1,
    .state_size = sizeof(struct ns16550_state),
    .reset = uart_reset,
    .check = uart_check,
    .loaded = uart_loaded,
    .destroy = uart_destroy,
};

struct device *ns16550_create(struct loop *loop, struct irq_line *irq, struct chardev *chardev)
{
    struct ns16550 *u = calloc(1, sizeof *u);
    const struct chardev_client client = {.input = stream_input,
                                          .room = stream_room,
                                          .writable = stream_writable,
                                          .line_break = stream_break,
                                          .opaque = u};

    if (!u)
        return NULL;
    u->dev = (struct device){.ops = &uart_ops, .state = &u->s};
    u->loop = loop;
    u->irq = irq;
    u->chardev = chardev;
    timer_init(&u->empty, loop, empty_fired, u);
    timer_init(&u->timeout, loop, timeout_fired, u);
    uart_reset(&u->dev);
    if (chardev)
        chardev_set_client(chardev, &client);
    return &u->dev;
}
