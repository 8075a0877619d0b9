/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest_x87.S: guests of test_interp.c whose x87 and MMX state is in use when something else happens. */
#include "guest_macros.S"

        .section .rodata
        .macro set_cr0 bits
        mov %cr0, %eax
        or $\bits, %eax
        mov %eax, %cr0
        .endm

/* CR0.TS, MP and EM; the handler saves and restores the state as a switch of tasks does. */
        .code16
guest x87_switch
        protected
        vector 7, 5f
        vector 6, 6f
        fninit
        fldpi
        fld1
        faddp
        set_cr0 10                      /* TS, MP */
        fmul %st(0), %st
        put 'a'
        set_cr0 10
        fwait
        put 'b'
        set_cr0 8
        mov %cr0, %eax
        and $~2, %eax
        mov %eax, %cr0
        fwait
        put 'c'
        clts
        movl $1000, 0x500
        fimull 0x500
        set_cr0 4                       /* EM */
        fistpl 0x504
        put 'd'
        movl $0x01020304, 0x500
        movd 0x500, %mm1
        set_cr0 8
        paddb %mm1, %mm1
        set_cr0 4
        paddb %mm1, %mm1
        movd %mm1, 0x508
        emms
        hlt
5:      put 'n'
        mov %cr0, %eax
        and $~12, %eax
        mov %eax, %cr0
        fnsave 0x600
        fninit
        fldz
        frstor 0x600
        iret
6:      put 'u'
        mov %cr0, %eax
        and $~4, %eax
        mov %eax, %cr0
        iret
7:
        protected_end 7b
end x87_switch

/* #MF comes at the next instruction that waits: of an exception that was not masked, and of one unmasked afterwards. */
        .code16
guest x87_mf
        protected
        vector 16, 5f
        set_cr0 0x20                    /* NE */
        movw $0x37b, 0x500
        fninit
        fld1
        fldz
        fldcw 0x500
        fdivrp
        put 'a'
        fnstsw %ax
        and $0x8084, %ax
        cmp $0x8084, %ax
        jne 9f
        fld1
        put 'b'
        fninit
        fld1
        fldz
        fdivrp
        fnstsw %ax
        and $0x8084, %ax
        cmp $4, %ax
        jne 9f
        fldcw 0x500
        put 'c'
        fwait
        put 'd'
        fninit
        fld1
        fldz
        fdivrp
        fldcw 0x500
        fnstcw 0x504
        movd %eax, %mm0
        put 'e'
9:      hlt
5:      put 'm'
        fnclex
        iret
7:
        protected_end 7b
end x87_mf

/* As x87_ferr, in code that is translated. */
        .code16
guest x87_ferr32
        protected
        vector 0x75, 5f
        movw $0x37b, 0x500
        xor %ecx, %ecx
        fninit
        fld1
        fld %st(0)
        faddp
        fldcw 0x500
        sti
        fldz
        fdivrp
        put 'a'
        fwait
        put 'b'
        fld1
        fldz
        fdivrp
        fld1
        fwait
        put 'c'
        hlt
5:      put 'w'
        out %al, $0xf0
        inc %ecx
        cmp $1, %ecx
        jne 6f
        fnclex
6:      iret
7:
        protected_end 7b
end x87_ferr32

/* Two of these take turns in one thread, at each OUT to port E8. */
        .code16
guest x87_turns
        protected
        andb $~2, AT(803f) + TSS1 + 5   /* for the other */
        fninit
        mov %ebx, (%esi)
        fildl (%esi)
        movd %ebx, %mm7                 /* which is ST(7) until EMMS, and after it again */
        emms
        fildl (%esi)
        mov $5, %ecx
1:      fld %st(0)
        faddp
        out %al, $0xe8
        fnop
        loop 1b
        fistpl (%esi)
        hlt
7:
        protected_end 7b
end x87_turns

        .section .note.GNU-stack, "", @progbits
