/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest_code.S: the guests of test_interp.c. Each is copied to guest-physical 0x1000 and started there in real mode with
 * CS = DS = ES = SS = 0 and SP = 0x1000, so labels are used relative to the guest's own start. Port 0xE9 collects bytes.
 */
        .section .rodata
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

        .code16
guest real
        mov $10, %cx
        xor %ax, %ax
1:      add %cx, %ax
        loop 1b
        mov %ax, 0x500
        mov $'r', %al
        out %al, $0xe9
        /* INT n and IRET */
        movw $AT(3f), 0x80*4
        movw $0, 0x80*4+2
        int $0x80
        mov $'i', %al
        out %al, $0xe9
        /* string operations */
        cld
        mov $0x600, %di
        mov $16, %cx
        mov $0x5a, %al
        rep stosb
        mov $0x600, %si
        mov $0x700, %di
        mov $16, %cx
        rep movsb
        mov $0x600, %si
        mov $0x700, %di
        mov $16, %cx
        repe cmpsb
        jne 2f
        mov $'s', %al
        out %al, $0xe9
2:      hlt
3:      mov $'!', %al
        out %al, $0xe9
        iret
end real

guest flat
        cli
        lgdtl AT(gdt_ptr)
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
        push $0x12345678
        pop %ebx
        cmp $0x12345678, %ebx
        jne 2f
        mov $'p', %al
        out %al, $0xe9
        call 3f
        mov $'c', %al
        out %al, $0xe9
        /* beyond 1 MiB */
        movl $0xcafef00d, 0x200000
        mov 0x200000, %ecx
        cmp $0xcafef00d, %ecx
        jne 2f
        imul $3, %ecx, %edx
        mov %edx, 0x500
        mov $7, %eax
        xor %edx, %edx
        mov $2, %ebx
        div %ebx
        add $'0', %al
        out %al, $0xe9
        add $'0', %dl
        mov %dl, %al
        out %al, $0xe9
2:      hlt
3:      ret
        .balign 8
gdt:    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdt_ptr: .word 31
        .long AT(gdt)
end flat

        .code16
guest long
        cli
        lgdtl AT(gdt2_ptr)
        mov $0x23, %eax
        mov $0x20, %eax
        mov %eax, %cr4
        /* page tables at 0x10000: 1 GiB identity with 2 MiB pages, and the same at the top half */
        xor %eax, %eax
        mov $0x10000 >> 4, %bx
        mov %bx, %es
        xor %di, %di
        mov $0x3000 / 4, %cx
        rep stosl
        movl $0x11003, %es:0
        movl $0x11003, %es:0x800
        movl $0x12003, %es:0x1000
        mov $0x2000, %di
        mov $0x83, %eax
        mov $512, %cx
1:      mov %eax, %es:(%di)
        movl $0, %es:4(%di)
        add $0x200000, %eax
        add $8, %di
        loop 1b
        mov $0x10000, %eax
        mov %eax, %cr3
        mov $0xc0000080, %ecx
        rdmsr
        or $0x100, %eax
        wrmsr
        mov %cr0, %eax
        or $0x80000001, %eax
        mov %eax, %cr0
        ljmpl $24, $AT(2f)
        .code64
2:      mov $0x9000, %esp
        mov $0xffff800000000000, %rax
        movl $0x11223344, 0x500(%rax)
        cmpl $0x11223344, 0x500
        jne 9f
        mov $'l', %al
        out %al, $0xe9
        lidt AT(idt_ptr)
        lea 3f(%rip), %rax
        mov %ax, 0x3000 + 14 * 16
        movw $24, 0x3000 + 14 * 16 + 2
        movw $0x8e00, 0x3000 + 14 * 16 + 4
        mov $0x40000000, %rbx
        mov (%rbx), %rcx         /* #PF, skipped by the handler */
        .byte 0x90
        cmp $0x77, %ecx
        jne 9f
        mov $'f', %al
        out %al, $0xe9
        mov $0x1234567890abcdef, %rax
        bswap %rax
        mov %rax, 0x508
        hlt
9:      mov $'?', %al
        out %al, $0xe9
        hlt
3:      mov %cr2, %rax
        cmp $0x40000000, %rax
        jne 9b
        pop %rdx
        cmp $0, %rdx
        jne 9b
        addq $3, (%rsp)
        mov $0x77, %ecx
        iretq
        .balign 8
gdt2:   .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdt2_ptr: .word 31
        .long AT(gdt2)
idt_ptr: .word 0xfff
        .quad 0x3000
end long

        .code16
guest smc
        /* patches the very next instruction, then its own loop */
        movb $'b', AT(1f) + 1
1:      mov $'a', %al
        out %al, $0xe9
        mov $3, %cx
2:      mov $'0', %al
        out %al, $0xe9
        incb AT(2b) + 1
        loop 2b
        hlt
end smc
        .section .note.GNU-stack, "", @progbits
