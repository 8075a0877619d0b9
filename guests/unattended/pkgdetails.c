// SPDX-License-Identifier: GPL-2.0-or-later
// debootstrap's helper for lists of packages, in the installer, which has neither perl nor a fast grep. For i386 Linux,
// without a C library. What debootstrap's `functions` asks of it:
//
//   PKGS MIRROR LIST NAME...           NAME VERSION ARCHITECTURE MIRROR FILENAME CHECKSUM SIZE, or NAME -
//
//   FIELD FIELD: MIRROR LIST VALUE...  the same of the packages whose field has one of the values
//
//   GETDEPS LIST NAME...               the first alternative of each dependency and pre-dependency, a line each
//
//   STANZAS LIST NAME...               their paragraphs
//
// DEBOOTSTRAP_CHECKSUM_FIELD is the checksum's field.
typedef unsigned int word;

enum { SYS_EXIT = 1, SYS_WRITE = 4, SYS_OPEN = 5, SYS_LSEEK = 19, SYS_MMAP = 192 };
enum { PROT_READ = 1, MAP_PRIVATE = 2, SEEK_END = 2 };

typedef struct Text {
    const char *at;
    word length;
} Text;

// One paragraph and those of its fields that matter; `asked` is the one that FIELD names.
typedef struct Package {
    Text whole, name, version, architecture, filename, size, checksum, depends, pre_depends, asked;
} Package;

static char out[1 << 16];
static word out_length;

static int call(int number, word a, word b, word c)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

// All of an open file, read only.
static const char *map(int file, word length)
{
    int result;
    // The sixth argument, the offset, is in %ebp.
    __asm__ volatile("push %%ebp\n\txor %%ebp, %%ebp\n\tint $0x80\n\tpop %%ebp"
                     : "=a"(result)
                     : "0"(SYS_MMAP), "b"(0), "c"(length), "d"(PROT_READ), "S"(MAP_PRIVATE), "D"(file)
                     : "memory");
    return (const char *)result;
}

static void flush(void)
{
    for (word done = 0; done < out_length;) {
        int n = call(SYS_WRITE, 1, (word)out + done, out_length - done);
        if (n <= 0)
            call(SYS_EXIT, 1, 0, 0);
        done += (word)n;
    }
    out_length = 0;
}

static void put(Text t)
{
    for (word i = 0; i < t.length; i++) {
        if (out_length == sizeof out)
            flush();
        out[out_length++] = t.at[i];
    }
}

static Text text(const char *s)
{
    word n = 0;
    while (s[n])
        n++;
    return (Text){s, n};
}

static int same(Text a, Text b)
{
    if (a.length != b.length)
        return 0;
    for (word i = 0; i < a.length; i++)
        if ((a.at[i] | 0x20) != (b.at[i] | 0x20)) // names of fields in any case; those of packages have no capitals
            return 0;
    return 1;
}

static void take_line(Package *p, Text name, Text value, Text checksum, Text asked)
{
    const struct {
        Text name;
        Text *to;
    } fields[] = {{text("Package"), &p->name},
                  {text("Version"), &p->version},
                  {text("Architecture"), &p->architecture},
                  {text("Filename"), &p->filename},
                  {text("Size"), &p->size},
                  {text("Depends"), &p->depends},
                  {text("Pre-Depends"), &p->pre_depends},
                  {checksum, &p->checksum},
                  {asked, &p->asked}};
    for (word i = 0; i < sizeof fields / sizeof *fields; i++)
        if (same(fields[i].name, name))
            *fields[i].to = value;
}

// The paragraph at `at`; where the next begins.
static const char *take(const char *at, const char *end, Package *p, Text checksum, Text asked)
{
    const char *begin = at;
    *p = (Package){0};
    while (at < end && *at != '\n') {
        const char *line = at, *colon = 0;
        for (; at < end && *at != '\n'; at++)
            if (*at == ':' && !colon)
                colon = at;
        if (colon && *line != ' ') {
            const char *value = colon + 1;
            while (value < at && *value == ' ')
                value++;
            take_line(p, (Text){line, (word)(colon - line)}, (Text){value, (word)(at - value)}, checksum, asked);
        }
        if (at < end)
            at++;
    }
    p->whole = (Text){begin, (word)(at - begin)};
    while (at < end && *at == '\n')
        at++;
    return at;
}

static void put_dependencies(Text list)
{
    for (word i = 0; i < list.length; i++) {
        while (i < list.length && list.at[i] == ' ')
            i++;
        word first = i;
        while (i < list.length && list.at[i] != ',' && list.at[i] != ' ' && list.at[i] != ':' && list.at[i] != '|')
            i++;
        put((Text){list.at + first, i - first});
        put(text("\n"));
        while (i < list.length && list.at[i] != ',')
            i++;
    }
}

static void put_details(const Package *p, Text mirror)
{
    const Text fields[] = {p->name, p->version, p->architecture, mirror, p->filename, p->checksum, p->size};
    for (word i = 0; i < sizeof fields / sizeof *fields; i++) {
        put(fields[i]);
        put(text(i + 1 < sizeof fields / sizeof *fields ? " " : "\n"));
    }
}

// The stack as the kernel left it: argc, argv, the environment.
__attribute__((used, noreturn)) static void begin(char **stack)
{
    int argc = *(int *)stack;
    char **argv = stack + 1, **env = argv + argc + 1;
    if (argc < 3)
        call(SYS_EXIT, 2, 0, 0);
    Text checksum = text("SHA256"), what = text(argv[1]), asked = text("Package"), mirror = text("");
    const Text key = text("DEBOOTSTRAP_CHECKSUM_FIELD=");
    for (; *env; env++) {
        Text e = text(*env);
        if (e.length > key.length && same((Text){e.at, key.length}, key))
            checksum = text(*env + key.length);
    }
    int packages = same(what, text("PKGS")), field = same(what, text("FIELD")), next = 2;
    if (field) {
        asked = text(argv[next++]);
        asked.length--; // its colon
    }
    if (packages || field)
        mirror = text(argv[next++]);
    int file = next < argc ? call(SYS_OPEN, (word)argv[next++], 0, 0) : -1;
    int length = file < 0 ? -1 : call(SYS_LSEEK, (word)file, 0, SEEK_END);
    const char *at = length > 0 ? map(file, (word)length) : 0, *end = at + length;
    if (length < 0 || (word)at > -4096u)
        call(SYS_EXIT, 1, 0, 0);
    while (length > 0 && at < end) {
        Package p;
        at = take(at, end, &p, checksum, asked);
        for (int i = next; i < argc; i++) {
            if (!same(text(argv[i]), field ? p.asked : p.name))
                continue;
            if (packages || field) {
                put_details(&p, mirror);
            } else if (same(what, text("GETDEPS"))) {
                put_dependencies(p.pre_depends);
                put_dependencies(p.depends);
            } else {
                put(p.whole);
                put(text("\n"));
            }
            if (packages)
                argv[i] = argv[--argc]; // found
            break;
        }
    }
    for (int i = next; packages && i < argc; i++) {
        put(text(argv[i]));
        put(text(" -\n"));
    }
    flush();
    call(SYS_EXIT, 0, 0, 0);
    __builtin_unreachable();
}

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n\tpush %eax\n\tcall begin\n");

// What the compiler may call.
void *memset(void *to, int byte, word n)
{
    for (word i = 0; i < n; i++)
        ((volatile char *)to)[i] = (char)byte;
    return to;
}
void *memcpy(void *to, const void *from, word n)
{
    for (word i = 0; i < n; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}
