/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest_macros.S: what the other files of guests for test_interp.c include. */
        .macro guest name
        .balign 16
        .globl guest_\name
guest_\name:
        .set base, .
        .endm
        .macro end name
        .globl guest_\name\()_end
guest_\name\()_end:
        .endm
#define AT(label) (label - base + 0x1000)

/* --- protected-mode guests: IDT at 0x2000, TSSs at 0x2800 and 0x2900; selectors as in the table of protected_end --- */
#define CS0  8
#define DS0  16
#define CS3  (24 | 3)
#define DS3  (32 | 3)
#define TSS1 40
#define TSS2 48
#define GATE 56
        .macro protected
        cli
        lgdtl AT(800f)
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        ljmpl $CS0, $AT(801f)
        .code32
801:    mov $DS0, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $0x8000, %esp
        lidtl AT(802f)
        movl $0x7000, 0x2800 + 4
        movl $DS0, 0x2800 + 8
        movl $0x680000, 0x2800 + 100
        mov $TSS1, %eax
        ltr %ax
        .endm
        /* An interrupt gate in the IDT (dpl in the third argument). */
        .macro vector number, label, dpl=0
        movl $((CS0 << 16) + AT(\label)), 0x2000 + 8 * \number
        movl $(0x8e00 | (\dpl << 13)), 0x2000 + 8 * \number + 4
        .endm
        .macro put char
        push %eax
        mov $\char, %al
        out %al, $0xe9
        pop %eax
        .endm
        .macro protected_end gate
        .balign 8
803:    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
        .quad 0x0000890028000067, 0x0000890029000067
        .word AT(\gate), CS0, 0xec01, 0
800:    .word 63
        .long AT(803b)
802:    .word 0x7ff
        .long 0x2000
        .endm
