/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev_device.c: a serial line of the host behind the guest's: /dev/ttyS0, a USB adapter, any terminal. Speed, bits,
 * parity and breaks that the guest sets are set on the line (termios(3), tty_ioctl(2)); a break that comes in is a NUL.
 * Modem lines are the host's own.
 */
#include "host/console/chardev_internal.h"

#include <asm/ioctls.h>
#include <asm/termbits.h> /* in place of <termios.h>: any speed, not only the named ones */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void device_break(struct chardev *c, bool on)
{
    (void)ioctl(c->out, on ? TIOCSBRK : TIOCCBRK);
}

static void device_set_line(struct chardev *c, const struct chardev_line *line)
{
    static const tcflag_t sizes[] = {CS5, CS6, CS7, CS8};
    struct termios2 t;

    if (!line->baud || line->data_bits < 5 || line->data_bits > 8 || ioctl(c->out, TCGETS2, &t))
        return;
    t.c_cflag &= ~(tcflag_t)(CBAUD | CBAUD << IBSHIFT | CSIZE | CSTOPB | PARENB | PARODD);
    t.c_cflag |= BOTHER | BOTHER << IBSHIFT | sizes[line->data_bits - 5];
    t.c_cflag |= line->stop_bits > 1 ? CSTOPB : 0;
    t.c_cflag |= line->parity == 'O' ? PARENB | PARODD : line->parity == 'E' ? PARENB : 0;
    t.c_ispeed = t.c_ospeed = line->baud;
    (void)ioctl(c->out, TCSETS2, &t); /* a speed that the line has not: it stays as it was */
}

/* Every byte as it is, no modem lines awaited. False: not a terminal, as a printer. */
static bool make_raw(int fd)
{
    struct termios2 t;

    if (ioctl(fd, TCGETS2, &t))
        return false;
    t.c_iflag = IGNPAR;
    t.c_oflag = 0;
    t.c_lflag = 0;
    t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB | CRTSCTS);
    t.c_cflag |= CS8 | CREAD | CLOCAL;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    return !ioctl(fd, TCSETS2, &t);
}

int chardev_open_device(struct chardev *c, const char *path, char **why)
{
    static const struct chardev_ops terminal_ops = {.line_break = device_break, .set_line = device_set_line};
    const int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat st;

    if (!stat(path, &st) && !S_ISCHR(st.st_mode))
        return chardev_fail(-EINVAL, why, "%s is not a terminal or another character device: for a file, write file:%s",
                            path, path);
    c->out = open(path, O_RDWR | flags);
    if (c->out >= 0)
        c->in = c->out;
    else if (errno == EACCES || errno == EINVAL || errno == ENXIO || errno == EIO)
        c->out = open(path, O_WRONLY | flags); /* a printer only takes */
    if (c->out < 0)
        return chardev_fail(-errno, why, "cannot open %s: %s", path, strerror(errno));
    if (make_raw(c->out))
        c->ops = &terminal_ops;
    return chardev_connect(c);
}
