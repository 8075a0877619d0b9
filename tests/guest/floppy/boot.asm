; SPDX-License-Identifier: GPL-2.0-or-later
; boot.asm: a DOS-like floppy. Sector 1 loads the rest by int 13h; that reads a sector by the floppy controller's
; registers, switches VBE modes, and plays tones by the interval timer and the Sound Blaster. Says what it does on 0xE9.
bits 16
org 0x7c00
BODY    equ 0x7e00
BUFFER  equ 0x20000             ; for DMA: two blocks of a tone
SECTORS equ 8

start:  cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        sti
        cld
        mov ax, 0x0200 + SECTORS
        mov bx, BODY
        mov cx, 2
        xor dx, dx
        int 13h
        jc .bad
        jmp body
.bad:   mov al, '!'
        out 0xe9, al
.halt:  hlt
        jmp .halt
        times 510 - ($ - $$) db 0
        dw 0xaa55

body:   mov si, t_bios
        call say
        call irqs
        call beep
        call floppy
        call vbe
        call card
        mov si, t_success
        call say
        mov ax, 3
        int 10h
        mov si, t_success
.next:  lodsb
        test al, al
        jz .halt
        mov ah, 0eh
        int 10h
        jmp .next
.halt:  hlt
        jmp .halt

say:    lodsb
        test al, al
        jz .end
        out 0xe9, al
        jmp say
.end:   ret

fail:   mov si, t_fail          ; the caller's name is on the line before
        call say
.halt:  hlt
        jmp .halt

; IRQ 5 and 6 come to us. The BIOS's handler of IRQ 6 is not needed any more.
irqs:   cli
        mov word [0x0d * 4], irq5
        mov word [0x0d * 4 + 2], 0
        mov word [0x0e * 4], irq6
        mov word [0x0e * 4 + 2], 0
        in al, 0x21
        and al, 0x9f
        out 0x21, al
        sti
        ret
irq5:   push ax
        push dx
        inc word [cs:seen5]
        mov dx, 0x22e
        in al, dx
        inc dx
        in al, dx
        mov al, 0x20
        out 0x20, al
        pop dx
        pop ax
        iret
irq6:   push ax
        inc word [cs:seen6]
        mov al, 0x20
        out 0x20, al
        pop ax
        iret

; Waits until BX's word is no longer DX, for ten seconds of BIOS ticks.
wait_change:
        mov cx, [0x46c]
.again: mov ax, [0x46c]
        sub ax, cx
        cmp ax, 182
        ja fail
        cmp [bx], dx
        je .again
        ret

; ---- the floppy controller: cylinder 1, head 0, sector 1 to BUFFER ----
put:    push dx                 ; AL to the data register
        push ax
        mov dx, 0x3f4
.again: in al, dx
        and al, 0xc0
        cmp al, 0x80
        jne .again
        pop ax
        inc dx
        out dx, al
        pop dx
        ret
get:    mov dx, 0x3f4
.again: in al, dx
        and al, 0xc0
        cmp al, 0xc0
        jne .again
        inc dx
        in al, dx
        ret
floppy: mov si, t_fdc
        call say
        mov dx, 0x3f2
        mov al, 0x1c
        out dx, al
        mov dx, 0x3f7
        xor al, al
        out dx, al
        mov bx, seen6
        mov dx, [bx]
        push dx
        mov al, 0x0f            ; seek
        call put
        mov al, 0
        call put
        mov al, 1
        call put
        pop dx
        call wait_change
        mov al, 8
        call put
        call get
        cmp al, 0x20
        jne fail
        call get
        cmp al, 1
        jne fail
        mov cx, 511
        mov al, 0x46
        call dma2
        mov dx, [seen6]
        push dx
        mov si, read_command
.next:  lodsb
        call put
        cmp si, read_command + 9
        jne .next
        pop dx
        mov bx, seen6
        call wait_change
        call get
        test al, 0xc0
        jnz fail
        mov cx, 6
.rest:  push cx
        call get
        pop cx
        loop .rest
        push es
        mov ax, BUFFER >> 4
        mov es, ax
        cmp dword [es:0], 0x1d0c0de5
        pop es
        jne fail
        ret
read_command:
        db 0x46, 0, 1, 0, 1, 2, 18, 27, 255
; Channel 2: CX + 1 bytes at BUFFER, mode AL.
dma2:   push ax
        mov al, 6
        out 0x0a, al
        out 0x0c, al
        pop ax
        out 0x0b, al
        xor al, al
        out 4, al
        out 4, al
        mov al, cl
        out 5, al
        mov al, ch
        out 5, al
        mov al, BUFFER >> 16
        out 0x81, al
        mov al, 2
        out 0x0a, al
        ret

; ---- VBE: two modes, each read back ----
vbe:    mov si, t_vbe
        call say
        mov bx, 0x101           ; 640x480, 256 colours
        call .set
        mov bx, 0x103           ; 800x600
        call .set
        mov ax, 3
        int 10h
        ret
.set:   push bx
        mov ax, 0x4f02
        int 10h
        cmp ax, 0x4f
        jne fail
        mov ax, 0x4f03
        int 10h
        pop cx
        and bx, 0x3fff
        cmp bx, cx
        jne fail
        ret

; ---- the speaker: 1000 Hz for 18 ticks ----
beep:   mov si, t_beep
        call say
        mov al, 0xb6
        out 0x43, al
        mov al, 1193 & 255
        out 0x42, al
        mov al, 1193 >> 8
        out 0x42, al
        in al, 0x61
        or al, 3
        out 0x61, al
        mov cx, 18
.tick:  mov ax, [0x46c]
.same:  cmp ax, [0x46c]
        je .same
        loop .tick
        in al, 0x61
        and al, 0xfc
        out 0x61, al
        ret

; ---- the Sound Blaster: 500 Hz in 8-bit mono, by itself, twenty half buffers of 2000 bytes at 8 kHz: 5 s ----
command:                        ; AL to the DSP
        push dx
        push ax
        mov dx, 0x22c
.again: in al, dx
        test al, 0x80
        jnz .again
        pop ax
        out dx, al
        pop dx
        ret
card:   mov si, t_sb
        call say
        mov dx, 0x226
        mov al, 1
        out dx, al
        mov cx, 100
.hold:  in al, 0x80
        loop .hold
        xor al, al
        out dx, al
        mov dx, 0x22a
        in al, dx
        cmp al, 0xaa
        jne fail
        mov al, 0xe1
        call command
        in al, dx
        cmp al, 4
        jne fail
        push es
        mov ax, BUFFER >> 4
        mov es, ax
        xor di, di
.wave:  mov ax, di              ; eight samples up, eight down
        test al, 8
        mov al, 0xc0
        jz .high
        mov al, 0x40
.high:  stosb
        cmp di, 4000
        jb .wave
        pop es
        mov al, 5               ; channel 1, by itself
        out 0x0a, al
        out 0x0c, al
        mov al, 0x59
        out 0x0b, al
        xor al, al
        out 2, al
        out 2, al
        mov al, 3999 & 255
        out 3, al
        mov al, 3999 >> 8
        out 3, al
        mov al, BUFFER >> 16
        out 0x83, al
        mov al, 1
        out 0x0a, al
        mov si, play_commands
.next:  lodsb
        call command
        cmp si, play_commands + 7
        jne .next
        mov cx, 20
.block: push cx
        mov bx, seen5
        mov dx, [bx]
        call wait_change
        pop cx
        loop .block
        mov bx, seen5
        mov dx, [bx]
        mov al, 0xda            ; to the end of this block
        call command
        call wait_change
        ret
play_commands:
        db 0x41, 8000 >> 8, 8000 & 255, 0xc6, 0, 1999 & 255, 1999 >> 8

seen5:  dw 0
seen6:  dw 0
t_bios: db "int 13h", 10, 0
t_fdc:  db "floppy controller", 10, 0
t_vbe:  db "VBE", 10, 0
t_beep: db "speaker", 10, 0
t_sb:   db "Sound Blaster", 10, 0
t_fail: db "FAILED", 10, 0
t_success:
        db "SUCCESS", 10, 0
        times 512 * (SECTORS + 1) - ($ - $$) db 0
