/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest_interrupts.S: the handlers of test_interrupts.c's guest, copied to HANDLERS. Both check where they came from
 * (bounds in memory at BOUNDS: RIP from, to; RSP from, to) and count (behind that). Any other exception stops.
 */
#define BOUNDS   0xf000
#define SWAPS    0xf020
#define PLAIN    0xf028
#define PTES     0x5000
#define MOVING   0x200000

        .section .rodata
        .balign 16
        .globl guest_handlers, guest_handlers_plain, guest_handlers_stop, guest_handlers_end

        .macro check at                 /* \at: how much was pushed; changes rax */
        mov \at(%rsp), %rax
        cmp BOUNDS, %rax
        jb 9f
        cmp BOUNDS + 8, %rax
        jae 9f
        mov \at + 24(%rsp), %rax
        cmp BOUNDS + 16, %rax
        jb 9f
        cmp BOUNDS + 24, %rax
        ja 9f
        .endm

/* Has its own stack. A page of the data or the stack moves to another frame, and the old one is overwritten. */
guest_handlers:
        push %rax
        push %rcx
        push %rsi
        push %rdi
        push %rdx
        check 40
        mov SWAPS, %edx
        and $3, %edx
        mov PTES(,%rdx,8), %rsi
        mov %rsi, %rdi
        xor $0x1000, %rdi
        mov %rdi, PTES(,%rdx,8)
        and $~0xfff, %rsi
        and $~0xfff, %rdi
        mov $512, %ecx
        cld
        rep movsq
        mov $-1, %rax
        lea -4096(%rsi), %rdi
        mov $512, %ecx
        rep stosq
        shl $12, %edx
        invlpg MOVING(%rdx)
        incq SWAPS
        pop %rdx
        pop %rdi
        pop %rsi
        pop %rcx
        pop %rax
        iretq

/* On the interrupted stack, when that is the kernel's. */
guest_handlers_plain:
        push %rax
        check 8
        incq PLAIN
        .rept 16
        push $-1
        .endr
        add $16*8, %rsp
        pop %rax
        iretq
9:      mov 8(%rsp), %rdx
        mov $0xbad, %eax
guest_handlers_stop:
        cli
        hlt
guest_handlers_end:
        .section .note.GNU-stack,"",@progbits
