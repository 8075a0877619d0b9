/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest_segments.S: more guests of test_interp.c, started as those of guest_code.S are: 16-bit code whose segments have
 * other bases and limits than a moment ago, in real mode, in protected mode and in V86.
 */
#include "guest_macros.S"

        .section .rodata
        /* put without a stack, which is what is tried here. */
        .macro say char
        mov $\char, %al
        out %al, $0xe9
        .endm

/* The same code with a limit of 4 GiB that protected mode left behind, and with the usual one. */
        .code16
guest big_real
        movw $AT(7f), 13 * 4
        movw $0, 13 * 4 + 2
        lgdtl AT(8f)
        mov $0x20000, %ebx
        mov $3, %dx
1:      mov $8, %cx
        call 5f
        movb $'u', (%ebx)
        call 6f
        mov $16, %cx
        call 5f
        call 6f
        dec %dx
        jnz 1b
        hlt
5:      mov %cr0, %eax                  /* DS gets selector cx's limit */
        or $1, %al
        mov %eax, %cr0
        mov %cx, %ds
        and $0xfe, %al
        mov %eax, %cr0
        xor %ax, %ax
        mov %ax, %ds                    /* its limit stays */
        ret
6:      mov $'?', %al
        mov (%ebx), %al                 /* three bytes */
        out %al, $0xe9
        ret
7:      mov $'g', %al
        push %bp
        mov %sp, %bp
        addw $3, 2(%bp)
        pop %bp
        iret
        .balign 8
8:      .word 23
        .long AT(9f)
        .balign 8
9:      .quad 0, 0x00cf93000000ffff, 0x000093000000ffff
end big_real

/* The same IPs in two code segments, and the same code by another CS; data segments that change in a block. */
guest code_segments
        mov $0x2000, %dx
        call 5f
        movb $'A', %es:0x101
        mov $0x3000, %dx
        call 5f
        movb $'B', %es:0x101
        mov $4, %cx
1:      mov $0x100, %bx
        lcall $0x2000, $0
        lcall $0x3000, $0
        mov $0x110, %bx
        lcall $0x1fff, $0x10
        loop 1b
        mov $0x2000, %bx
        mov $0x3000, %dx
        mov $4, %cx
2:      mov %bx, %es
        mov %es:0x101, %al
        mov %dx, %es
        mov %es:0x101, %ah
        out %al, $0xe9
        mov %ah, %al
        out %al, $0xe9
        loop 2b
        hlt
5:      mov %dx, %es                    /* CALL BX and RETF at 0; at 100h what it calls */
        movw $0xd3ff, %es:0
        movb $0xcb, %es:2
        mov $AT(6f), %si
        mov $0x100, %di
        mov $7f - 6f, %cx
        cld
        rep movsb
        ret
6:      mov $'?', %al
        out %al, $0xe9
        ret
7:
end code_segments

/* A jump that wraps; an instruction that does not end within 64 KiB, and is not run: the handler goes on elsewhere. */
guest ip_wraps
        movw $AT(7f), 13 * 4
        movw $0, 13 * 4 + 2
        mov $0x2000, %ax
        mov %ax, %es
        mov $0x3000, %ax
        mov %ax, %fs
        movl $0x00004de9, %es:0xfff0    /* to 40h */
        movl $0x79b090, %fs:0x40        /* 'y': not there */
        mov $AT(5f), %si
        mov $0x40, %di
        mov $6f - 5f, %cx
        cld
        rep movsb
        movw $0x9090, %es:0xfffc
        movw $0x00b8, %es:0xfffe        /* MOV AX: three bytes */
        mov $4, %dx
1:      lcall $0x2000, $0xfff0
        lcall $0x2000, $0xfffc
        dec %dx
        jnz 1b
        hlt
5:      mov $'w', %al
        out %al, $0xe9
        lret
6:
7:      push %bp
        mov %sp, %bp
        cmpw $0xfffe, 2(%bp)
        jne 9f
        movw $0x44, 2(%bp)              /* the LRET */
        say 'g'
9:      pop %bp
        iret
end ip_wraps

/* V86: words that do not end within the segment, by DS and by SS; the monitor skips them. HLT ends. */
guest v86_limits
        cli
        lgdtl AT(8f)
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        ljmpl $8, $AT(1f)
        .code32
1:      mov $16, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $0x8000, %esp
        movl $0x7000, 0x2800 + 4        /* the TSS's stack */
        movl $16, 0x2800 + 8
        movl $0x680000, 0x2800 + 100
        mov $24, %eax
        ltr %ax
        movl $0x80000 + AT(5f), 0x2000 + 8 * 12
        movl $0x8e00, 0x2000 + 8 * 12 + 4
        movl $0x80000 + AT(6f), 0x2000 + 8 * 13
        movl $0x8e00, 0x2000 + 8 * 13 + 4
        lidtl AT(idt_ptr)
        pushl $0                        /* gs fs ds es */
        pushl $0
        pushl $0
        pushl $0
        pushl $0                        /* ss */
        pushl $0x5000
        pushl $0x20002                  /* VM */
        pushl $0
        pushl $AT(2f)
        iret
        .code16
2:      mov $4, %cx
        mov $0xffff, %bp
3:      mov 0xfffd, %ax
        mov 0xffff, %ax                 /* three bytes each */
        movw -1(%bp), %ax
        movw 0(%bp), %ax
        loop 3b
        hlt
        .code32
5:      mov $'s', %al
        jmp 7f
6:      mov %ss:4(%esp), %ebx
        cmpb $0xf4, %ss:(%ebx)
        je 9f
        mov $'g', %al
7:      out %al, $0xe9
        addl $3, 4(%esp)
        add $4, %esp
        iret
        .balign 8
8:      .word 31
        .long AT(4f)
        .balign 8
4:      .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x0000890028000067
9:      hlt
idt_ptr: .word 0x7ff
        .long 0x2000
        .code16
end v86_limits

        .section .note.GNU-stack, "", @progbits
