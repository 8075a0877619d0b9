/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest_code.S: the guests of test_interp.c. Each is copied to guest-physical 0x1000 and started there in real mode with
 * CS = DS = ES = SS = 0 and SP = 0x1000, so labels are used relative to the guest's own start. Port 0xE9 collects bytes.
 */
#include "guest_macros.S"

        .section .rodata

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

/* A division by zero unmasked, and then instructions that would wait for it. */
guest x87_ignored
        fninit
        movw $0x37b, 0x500
        fldcw 0x500
        fld1
        fldz
        fdivrp
        fnstsw %ax
        test $0x80, %al
        jz 1f
        mov $'i', %al
        out %al, $0xe9
        fld1
        fldpi
        faddp
        fistps 0x504
        fwait
        fldcw 0x500
        fnstsw %ax
        cmp $0x80, %al
        jb 1f
        mov $'e', %al
        out %al, $0xe9
1:      hlt
end x87_ignored

/* The same with a handler: the first time it clears the exception, the second time it lets it be ignored. */
guest x87_ferr
        fninit
        movw $0x37b, 0x500
        fldcw 0x500
        movw $AT(5f), 0x75*4
        movw $0, 0x75*4+2
        movw $0x100, %sp
        sti
        xor %cx, %cx
        fld1
        fldz
        fdivrp
        mov $'a', %al
        out %al, $0xe9
        fwait
        mov $'b', %al
        out %al, $0xe9
        fld1
        fldz
        fdivrp
        fld1
        fwait
        mov $'c', %al
        out %al, $0xe9
        hlt
5:      mov $'w', %al
        out %al, $0xe9
        out %al, $0xf0
        inc %cx
        cmp $1, %cx
        jne 6f
        fnclex
6:      iret
end x87_ferr

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
/* What translated 32-bit code counts on, and how that ends: segments, limits, the ends of the address space. */
guest flat32
        cli
        lgdtl AT(gdt32_ptr)
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        ljmpl $8, $AT(1f)
        .code32
1:      mov $16, %ebp
        mov %ebp, %ds
        mov %ebp, %es
        mov %ebp, %ss
        mov $0x8000, %esp
        movl $0x80000 + AT(general), 0x2000 + 8 * 13
        movl $0x8e00, 0x2000 + 8 * 13 + 4
        lidtl AT(idt32_ptr)
        movl $'f', 0x500
        movl $'b', 0x3500
        mov $3, %ecx
        mov $24, %edi
        mov $0x500, %ebx
1:      mov (%ebx), %al
        out %al, $0xe9
        mov %edi, %ds                   /* base 0x3000 */
        mov (%ebx), %al
        out %al, $0xe9
        mov %ss:(%ebx), %al
        out %al, $0xe9
        mov %ebp, %ds
        dec %ecx
        jnz 1b
        /* a limit: the fault's handler skips the load and makes DS flat again */
        mov $2, %ecx
        mov $32, %edi
        mov $0x3500, %ebx
        mov $2, %edx
1:      mov $'n', %al
        mov %edi, %ds
        mov (%ebx), %al
        out %al, $0xe9
        dec %ecx
        jnz 1b
        mov %edi, %fs
        mov $3, %edx
        mov $'g', %al
        mov %fs:(%ebx), %al
        out %al, $0xe9
        mov %fs:0x500, %al
        out %al, $0xe9
        mov $24, %edi
        mov %edi, %fs
        mov %fs:0x500, %al
        out %al, $0xe9
        mov %fs:0xffffd500, %al         /* wraps */
        out %al, $0xe9
        /* operands that wrap */
        mov $0xfffffff0, %ebx
        mov 0x510(%ebx), %al
        out %al, $0xe9
        lea 0x510(%ebx), %edx
        cmp $0x500, %edx
        jne 9f
        mov %esp, %esi
        mov $4, %esp
        push %ebx
        mov %esp, %edi
        pop %eax
        cmp %ebx, %eax
        jne 9f
        test %edi, %edi
        jnz 9f
        mov %esi, %esp
        mov $'w', %al
        out %al, $0xe9
        /* its own code */
        mov $AT(3f), %ebx
        mov $'0', %al
2:      mov %al, 1(%ebx)
        jmp 3f
3:      mov $'x', %dl
        xchg %eax, %edx
        out %al, $0xe9
        xchg %edx, %eax
        inc %eax
        cmp $'3', %al
        jne 2b
        /* EIP wraps: the page at the top is that at 12 MiB */
        mov $0x10000, %eax
        mov %eax, %cr3
        movl $0x83, 0x10000
        movl $0xc00083, 0x10000 + 4 * 1023
        mov %cr4, %eax
        or $0x10, %al
        mov %eax, %cr4
        mov %cr0, %eax
        or $0x80000000, %eax
        mov %eax, %cr0
        movl $0x43434343, 0xfffffffc    /* inc %ebx */
        movw $0xe6ff, 0                 /* jmp *%esi */
        mov $AT(4f), %esi
        mov $2, %ecx
        xor %ebx, %ebx
1:      mov $0xfffffffc, %eax
        jmp *%eax
4:      dec %ecx
        jnz 1b
        mov $AT(5f), %esi
        jmp . - AT(.) - 4               /* to 0xfffffffc */
5:      lea '0'(%ebx), %eax
        out %al, $0xe9
9:      hlt
general:
        mov %ebp, %ds
        add $4, %esp
        add %edx, (%esp)                /* the length of what faulted */
        iret
        .balign 8
gdt32:  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cf93003000ffff, 0x0040930000000fff
gdt32_ptr: .word 39
        .long AT(gdt32)
idt32_ptr: .word 0x7ff
        .long 0x2000
end flat32

        .code16
/* To 64-bit code: 1 GiB identity with 2 MiB pages, and the same at the top half. The page directory is at 0x12000. */
        .macro enter_long gdt_ptr
        cli
        lgdtl \gdt_ptr
        mov $0x23, %eax
        mov $0x20, %eax
        mov %eax, %cr4
        /* page tables at 0x10000 */
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
        .endm

guest long
        enter_long AT(gdt2_ptr)
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

/* MOV EAX, imm32 and RET across 0x200fff: what is in the second page changes by a write, by its translation, and goes. */
        .code16
guest crossing
        enter_long AT(gdt4_ptr)
        ljmpl $24, $AT(2f)
        .code64
2:      mov $0x9000, %esp
        lidt AT(idt4_ptr)
        lea 3f(%rip), %rax
        mov %ax, 0x3000 + 14 * 16
        movw $24, 0x3000 + 14 * 16 + 2
        movw $0x8e00, 0x3000 + 14 * 16 + 4
        movl $0xb8, 0x20ffd
        movl $0xc30061, 0x21000 /* 'a' */
        movl $0xc30063, 0x22000 /* 'c' */
        movq $0x20003, 0x13000
        movq $0x21003, 0x13008
        movq $0x13003, 0x12008
        mov %cr3, %rax
        mov %rax, %cr3
        call 6f
        movb $'b', 0x201000
        call 6f
        movq $0x22003, 0x13008
        invlpg 0x201000
        call 6f
        movq $0, 0x13008
        invlpg 0x201000
        call 6f
        hlt
6:      mov $9, %ecx
        mov $0x200ffd, %edi
7:      call *%rdi
        loop 7b
        shr $16, %eax
        out %al, $0xe9
        ret
3:      mov %cr2, %rax
        cmp $0x201000, %rax
        jne 9f
        cmpq $0x200ffd, 8(%rsp)
        jne 9f
        movq $0x21003, 0x13008
        mov $'f', %al
        out %al, $0xe9
        add $8, %rsp
        iretq
9:      mov $'?', %al
        out %al, $0xe9
        hlt
        .balign 8
gdt4:   .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdt4_ptr: .word 31
        .long AT(gdt4)
idt4_ptr: .word 0xfff
        .quad 0x3000
        .code16
end crossing

/*
 * CALL *RDI; MOV AL, imm8; RET at 0x200000: what it calls returns as ever, writes behind the call, has another page
 * there, and returns to the last address there is.
 */
        .code16
guest returns
        enter_long AT(gdt6_ptr)
        ljmpl $24, $AT(2f)
        .code64
2:      mov $0x9000, %esp
        lidt AT(idt6_ptr)
        lea 3f(%rip), %rax
        mov %ax, 0x3000 + 14 * 16
        movw $24, 0x3000 + 14 * 16 + 2
        movw $0x8e00, 0x3000 + 14 * 16 + 4
        movl $0x61b0d7ff, 0x20000 /* 'a' */
        movb $0xc3, 0x20004
        movl $0x63b0d7ff, 0x21000 /* 'c' */
        movb $0xc3, 0x21004
        movq $0x20003, 0x13000
        movq $0x13003, 0x12008
        mov %cr3, %rax
        mov %rax, %cr3
        mov $0x200000, %ebx
        lea 4f(%rip), %rdi
        call 6f
        lea 5f(%rip), %rdi
        call 8f
        lea 4f(%rip), %rdi
        call 6f
        lea 1f(%rip), %rdi
        call 8f
        lea 4f(%rip), %rdi
        call 6f
        lea 0f(%rip), %rdi
        call 8f
        hlt
6:      mov $9, %ecx
7:      call *%rbx
        loop 7b
        out %al, $0xe9
        ret
8:      mov $1, %ecx
        jmp 7b
4:      ret
5:      movb $'b', 0x20003
        ret
1:      movq $0x21003, 0x13000
        invlpg 0x200000
        push %rax                       /* so that the stack is known when RET looks */
        pop %rax
        ret
0:      movq $-1, (%rsp)
        ret
3:      mov %cr2, %rax
        cmp $-1, %rax
        jne 9f
        cmpq $-1, 8(%rsp)
        jne 9f
        mov $'f', %al
        out %al, $0xe9
        hlt
9:      mov $'?', %al
        out %al, $0xe9
        hlt
        .balign 8
gdt6:   .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdt6_ptr: .word 31
        .long AT(gdt6)
idt6_ptr: .word 0xfff
        .quad 0x3000
        .code16
end returns

/*
 * A page of the kernel's last 2 GiB calls another: the other is mapped elsewhere, and is written. Then the first is the
 * users', too, and the kernel's calls are no way into the other for them.
 */
        .code16
guest far_links
        enter_long AT(gdt7_ptr)
        ljmpl $24, $AT(2f)
        .code64
2:      mov $0x9000, %esp
        lidt AT(idt7_ptr)
        lea 3f(%rip), %rax
        mov %ax, 0x3000 + 14 * 16
        movw $24, 0x3000 + 14 * 16 + 2
        movw $0x8e00, 0x3000 + 14 * 16 + 4
        movq $0x9000, 0x2804            /* RSP0 */
        mov $48, %eax
        ltr %ax
        movl $0x000ffbe8, 0x20000       /* CALL to the next page; RET */
        movw $0xc300, 0x20004
        movl $0xe3ff5850, 0x20010       /* PUSH RAX; POP RAX; JMP *RBX */
        movl $0xc361b0, 0x21000         /* MOV AL, 'a'; RET */
        movl $0xc363b0, 0x22000
        movq $0x20003, 0x13000
        movq $0x21003, 0x13008
        movq $0x23007, 0x13010
        movq $0x13003, 0x15008
        movq $0x15003, 0x14ff0
        movq $0x14003, 0x10ff8
        mov $0xffffffff80200000, %rbx
        call 6f
        movq $0x22003, 0x13008
        invlpg 0x1000(%rbx)
        call 8f
        call 6f
        movb $'d', 0x22001
        call 8f
        movq $0x20007, 0x13000
        movq $0x13007, 0x15008
        movq $0x15007, 0x14ff0
        movq $0x14007, 0x10ff8
        mov %cr3, %rax
        mov %rax, %cr3
        call 6f
        pushq $32 | 3
        lea 0x2800(%rbx), %rax
        push %rax
        pushq $2
        pushq $40 | 3
        lea 0x10(%rbx), %rax
        push %rax
        iretq
6:      mov $9, %ecx
7:      call *%rbx
        dec %ecx
        jnz 7b
        out %al, $0xe9
        ret
8:      mov $1, %ecx
        jmp 7b
3:      mov %cr2, %rax
        lea 0x1000(%rbx), %rcx
        cmp %rax, %rcx
        jne 9f
        pop %rax
        and $7, %eax
        cmp $5, %eax
        jne 9f
        mov $'u', %al
        out %al, $0xe9
        hlt
9:      mov $'?', %al
        out %al, $0xe9
        hlt
        .balign 8
gdt7:   .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
        .quad 0x00cff3000000ffff, 0x00affb000000ffff, 0x0000890028000067, 0
gdt7_ptr: .word 63
        .long AT(gdt7)
idt7_ptr: .word 0xfff
        .quad 0x3000
        .code16
end far_links

/* A user page read by the kernel under SMAP: without AC a fault that skips the read, with it what is there. */
        .code16
guest smap
        enter_long AT(gdt5_ptr)
        ljmpl $24, $AT(2f)
        .code64
2:      mov $0x9000, %esp
        lidt AT(idt5_ptr)
        lea 3f(%rip), %rax
        mov %ax, 0x3000 + 14 * 16
        movw $24, 0x3000 + 14 * 16 + 2
        movw $0x8e00, 0x3000 + 14 * 16 + 4
        movq $0x11007, 0x10000
        movq $0x12007, 0x11000
        movq $0x200087, 0x12008
        movb $'u', 0x200000
        mov %cr4, %rax
        bts $21, %rax
        mov %rax, %cr4
        mov $3, %ebx
4:      call 6f
        stac
        call 6f
        clac
        dec %ebx
        jnz 4b
        call 6f
        hlt
6:      mov $'-', %al
        mov 0x200000, %al
        out %al, $0xe9
        pushf
        pop %rcx
        bt $18, %ecx
        setc %al
        add $'0', %al
        out %al, $0xe9
        ret
3:      addq $7, 8(%rsp)        /* the read's length */
        add $8, %rsp
        iretq
        .balign 8
gdt5:   .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdt5_ptr: .word 31
        .long AT(gdt5)
idt5_ptr: .word 0xfff
        .quad 0x3000
        .code16
end smap

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

        .code16
guest task
        protected
        movl $AT(2f), 0x2900 + 0x20     /* the other task: eip, eflags, esp, segments */
        movl $2, 0x2900 + 0x24
        movl $0x6000, 0x2900 + 0x38
        movl $DS0, 0x2900 + 0x48
        movl $CS0, 0x2900 + 0x4c
        movl $DS0, 0x2900 + 0x50
        movl $DS0, 0x2900 + 0x54
        movl $0x600d, 0x2900 + 0x28     /* its eax */
        mov $0x1111, %eax
        lcall $TSS2, $0
        cmp $0x1111, %eax
        jne 9f
        put 'b'
        mov %cr0, %eax
        test $8, %al                    /* TS */
        jz 9f
        put 'T'
9:      hlt
2:      cmp $0x600d, %eax
        jne 9b
        put 't'
        pushf
        pop %eax
        test $0x40, %ah                 /* NT */
        jz 9b
        put 'n'
        cmpw $TSS1, 0x2900              /* the back link */
        jne 9b
        iret
        hlt
3:
        protected_end 3b
end task

        .code16
guest ring3
        protected
        vector 13, 5f
        vector 0x30, 6f, 3
        pushl $DS3
        pushl $0x5000
        pushl $CS3
        pushl $AT(2f)
        lret
2:      put 'u'                         /* IOPL 0: OUT is not allowed, handler 5 skips it and speaks for us */
        pushl $0x1234
        lcall $(GATE | 3), $0
        int $0x30
        hlt
3:      mov 8(%esp), %ebx               /* the copied parameter behind eip and cs */
        cmp $0x1234, %ebx
        jne 7f
        put 'g'
        lret $4
5:      mov 4(%esp), %ebx               /* #GP: at the OUT or the HLT */
        cmpb $0xe6, %ss:(%ebx)     /* DS is null by now */
        jne 7f
        addl $2, 4(%esp)
        out %al, $0xe9
        add $4, %esp
        iret
6:      cmp $0x5000, %esp
        put 'i'
        mov 12(%esp), %eax              /* the outer esp: both stacks were released */
        cmp $0x5000, %eax
        jne 7f
        put 'k'
7:      hlt
        protected_end 3b
end ring3

        .code16
guest v86
        protected
        vector 13, 3f
        pushl $0
        pushl $0
        pushl $0
        pushl $0x123                    /* es */
        pushl $0                        /* ss */
        pushl $0x5000
        pushl $0x20002                  /* VM */
        pushl $0
        pushl $AT(2f)
        iret
        .code16
2:      mov %es, %ax
        cmp $0x123, %ax
        jne 4f
        cli                             /* IOPL 0 */
4:      hlt
        .code32
3:      testb $2, 4 + 8 + 2(%esp)       /* VM in the pushed flags */
        jz 9f
        put 'v'
        mov 4(%esp), %ebx
        cmpb $0xfa, %ss:(%ebx)
        jne 9f
        put 'c'
        mov 4 + 20(%esp), %eax
        cmp $0x123, %eax
        jne 9f
        put 'e'
9:      hlt
        protected_end 9b
end v86

/* Code with data beside it, which is written between its runs; then the code itself; then what was no instruction. */
        .code16
guest written_beside
        protected
        vector 6, 7f
        mov $20, %ecx
1:      call 5f
        incb AT(6f)
        dec %ecx
        jnz 1b
        out %al, $0xe9
        mov AT(6f), %al
        out %al, $0xe9
        movb $'C', AT(5f) + 1
        call 5f
        out %al, $0xe9
        call 8f
        out %al, $0xe9
9:      hlt
        .balign 64
5:      mov $'A', %al
        ret
6:      .byte 'B' - 20
        .balign 64
8:      mov $'D', %al
        .byte 0x0f, 0x04                /* no instruction */
7:      push %eax
        put 'u'
        pop %eax
        movw $0xc390, AT(8b) + 2        /* nop, ret */
        iret
        protected_end 9b
end written_beside

/*
 * Pushes from a page that was never read, in front of others: the first is a handler's, and the others are not to take
 * the stack to be where the block before had it.
 */
        .code16
guest push_memory
        protected
        movl $'m', 0x5000
        mov $0x3000, %esp
        push %eax
        push %eax
        jmp 1f
1:      mov $0x4000, %esp
        pushl 0x6000                    /* nothing has read there */
        pushl $'1'
        pushl 0x5000
        pushl $'2'
        call 2f
        hlt
2:      pop %eax
        pop %eax
        out %al, $0xe9
        pop %eax
        out %al, $0xe9
        pop %eax
        out %al, $0xe9
        cmp $0x3ffc, %esp
        jne 9f
        mov $0x7000, %ebp               /* the same, and the page is one of another group */
        movl $0, 0x4700
        mov $0x4800, %esp
        push %eax
        push %eax
        jmp 3f
3:      mov $0x4000, %esp
        pushl (%ebp)
        pushl 4(%ebp)
        pushl $'3'
        call 4f
        hlt
4:      pop %eax
        pop %eax
        out %al, $0xe9
        pop %eax
        cmp 4(%ebp), %eax
        jne 9f
        cmp $0x3ffc, %esp
        jne 9f
        put 'e'
9:      hlt
        protected_end 9b
end push_memory

/* POPF and the interrupt that port 0xEA asks for. */
        .code16
guest popf_if
        protected
        vector 0x40, 5f
        mov $0x3000, %esp
        mov $2, %ecx
1:      mov $0x40, %al
        out %al, $0xea                  /* IF is clear */
        put '1'
        push $0x202
        popf                            /* now */
        put '2'
        push $2
        popf
        push $0x202
        popf
        mov $0x40, %al
        out %al, $0xea
        jmp 2f                          /* not later */
2:
        put '3'
        push $2
        popf
        mov $0x40, %al
        out %al, $0xea
        put '4'
        sti
        nop
        cli
        dec %ecx
        jnz 1b
        hlt
5:      put 'i'
        iret
9:      hlt
        protected_end 9b
end popf_if

        .code16
guest debug
        protected
        vector 1, 5f
        xor %ecx, %ecx
        pushf
        orl $0x100, (%esp)
        popf                            /* TF */
        nop
        nop
        pushf
        andl $~0x100, (%esp)
        popf
        cmp $5, %ecx                    /* nop, nop, pushf, and, popf */
        jne 9f
        put 's'
        xor %ecx, %ecx
        mov $0x3000, %eax
        mov %eax, %dr0
        mov $AT(2f), %eax
        mov %eax, %dr1
        mov $0x000d000a, %eax           /* 0: writes of 4 bytes; 1: execution */
        mov %eax, %dr7
        mov 0x3000, %eax
        movb $1, 0x3002
        cmp $1, %ecx
        jne 9f
        put 'w'
2:      nop
        cmp $2, %ecx
        jne 9f
        put 'x'
        xor %eax, %eax
        mov %eax, %dr7
        .byte 0xf1                      /* INT1 */
        cmp $3, %ecx
        jne 9f
        put '1'
9:      hlt
5:      inc %ecx
        orl $0x10000, 8(%esp)           /* RF */
        iret
        protected_end 9b
end debug

        .code16
guest repfault
        protected
        vector 14, 5f
        xor %eax, %eax                  /* 4 MiB pages: the first one only */
        mov $0x10000, %edi
        mov $1024, %ecx
        rep stosl
        movl $0x83, 0x10000
        mov $0x10000, %eax
        mov %eax, %cr3
        mov $0x10, %eax
        mov %eax, %cr4
        mov %cr0, %eax
        or $0x80000000, %eax
        mov %eax, %cr0
        mov $0x400000 - 100, %edi
        mov $300, %ecx
        mov $0x5a, %al
        rep stosb
        hlt
5:      cmp $200, %ecx
        jne 9f
        cmp $0x400000, %edi
        jne 9f
        mov %cr2, %eax
        cmp %edi, %eax
        jne 9f
        put 'f'
        cmpl $2, (%esp)
        jne 9f
        put 'w'
9:      hlt
        protected_end 9b
end repfault

        .code16
guest shadow
        movw $AT(2f), 0x40*4
        movw $0, 0x40*4+2
        xor %bx, %bx
        sti
        inc %bx                         /* the one instruction under STI's shadow */
        inc %bx
        inc %bx
1:      hlt
        jmp 1b
2:      mov %bl, %al
        add $'0', %al
        out %al, $0xe9
        iret
end shadow

        .code16
guest atomics
        mov $20000, %ecx
1:      lock incl 0x3000
        lock btsw $0, 0x3004            /* a lock around a plain increment */
        jc 2f
        incl 0x3008
        movw $0, 0x3004
        dec %ecx
        jnz 1b
        hlt
2:      lock decl 0x3000
        pause
        jmp 1b
end atomics

        .code16
guest doublefault
        protected
        movl $0, 0x2000 + 8 * 14        /* neither #GP nor #DF has a gate: shutdown */
        int $0x77
        hlt
9:      hlt
        protected_end 9b
end doublefault

        .section .note.GNU-stack, "", @progbits
