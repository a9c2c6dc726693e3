# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors

# The way into the boot guest; what it does then is guest.c.
#
# A VMM may put the image at 0x7c00 and start every vCPU at CONFIG.entry in long
# mode, CPL 3, with page tables of its own making, RDI = vCPU index and a stack
# of its own (kvm-boot.c).  Or it starts one vCPU in real mode at 0000:7c00.  Or
# a BIOS reads the first sector from a boot disk, which reads the rest.
#
# From real mode: long mode (identity map of 32 GiB in 2 MiB pages), then CPL 3
# with IOPL 3, because KVM-PVM runs only CPL 3 natively (CPL 0 of a guest that
# knows nothing of PVM is emulated, one instruction at a time).  Devices used:
# OUT to 0x3f8; no interrupts.
	.section .boot, "ax"
	.code16
	.globl _start
_start:
	cli
	ljmp	$0, $real
	.org	16
# GuestConfig, guest.h; patched by who starts the guest
magic:		.ascii	"MIGGUEST"	# 16
lo_end:		.quad	0x08000000	# 24
hi_end:		.quad	0		# 32
ws_start:	.quad	0x00200000	# 40
ws_end:		.quad	0x04200000	# 48
page_ticks:	.quad	0		# 56
hb_ticks:	.quad	2600000		# 64
flags:		.quad	1		# 72
vcpus:		.quad	1		# 80
writers:	.quad	1		# 88
sleep_ticks:	.quad	0		# 96
entry:		.quad	user		# 104
rom_pages:	.quad	0		# 112

real:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	cmpl	$0x7453474d, second	# a VMM has loaded all of it already
	je	1f
	movw	$0x0207, %ax		# BIOS: read seven sectors from
	movw	$0x0002, %cx		# the second of the boot drive (DL) on
	movb	$0, %dh
	movw	$second, %bx
	int	$0x13
1:	cli
	movw	$0x1000, %ax
	movw	%ax, %es
	cld
	xorl	%eax, %eax
	xorw	%di, %di
	movw	$0xc00, %cx
	rep stosl			# three zeroed pages: PML4, PDPT, PD 0
	movl	$0x11007, %es:0
	movl	$0x12007, %es:0x1000
	movl	$0x00087, %es:0x2000
	movl	%cr4, %eax
	orw	$0x620, %ax		# PAE, and SSE
	movl	%eax, %cr4
	movl	$0x10000, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orw	$0x100, %ax		# EFER.LME
	wrmsr
	lgdtw	gdtr
	movl	%cr0, %eax
	andb	$0xfb, %al		# no EM
	orl	$0x80000003, %eax	# PG | MP | PE
	movl	%eax, %cr0
	ljmp	$8, $long

	.balign	8
gdt:	.quad	0
	.quad	0x00af9b000000ffff	# 08 64-bit code
	.quad	0x00cf93000000ffff	# 10 data
	.quad	0x00cff3000000ffff	# 18 user data
	.quad	0x00affb000000ffff	# 20 user 64-bit code
	.quad	0x0000890060000067	# 28 TSS at 0x6000
	.quad	0
idtr:	.word	0xff
	.quad	0x5000
gdtr:	.word	. - gdt - 1
	.long	gdt

	.org	510
	.word	0xaa55
second:	.ascii	"MGSt"

	.code64
long:	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$0x7c00, %esp
	movl	$0x12000, %edi		# PD 0 .. 31: 32 GiB in 2 MiB pages
	movl	$0x87, %eax
1:	movq	%rax, (%rdi)
	addq	$0x200000, %rax
	addl	$8, %edi
	cmpl	$0x32000, %edi
	jb	1b
	movl	$0x11000, %edi
	movl	$0x12007, %eax
2:	movq	%rax, (%rdi)
	addl	$0x1000, %eax
	addl	$8, %edi
	cmpl	$0x11100, %edi
	jb	2b
	movq	%cr3, %rax
	movq	%rax, %cr3

	movl	$0x60000, %edi		# state and control, zeroed: a BIOS leaves
	movl	$0x10000 / 8, %ecx	# anything there
	xorl	%eax, %eax
	rep stosq

	testb	$2, flags		# only a halting guest has an IDT: with one,
	jz	3f			# KVM-PVM delivers #GP for OUT in spite of IOPL
	movl	$0x5000, %edi
	movl	$0x220, %ecx
	rep stosq
	movl	$0x7000, 0x6004		# RSP0
	movl	$0x5000 + 13 * 16, %edi	# #GP goes to idle
	movl	$0x80000 + idle, (%rdi)
	movl	$0x8e00, 4(%rdi)
	lidt	idtr
	movl	$0x28, %eax
	ltr	%ax

3:	xorl	%edi, %edi		# vCPU 0
	pushq	$0x1b			# to CPL 3 with IOPL 3
	pushq	$0x58200
	pushq	$0x3002
	pushq	$0x23
	pushq	$user
	iretq

idle:	movb	$'!', %al		# a halting guest's HLT at CPL 3 ends here
	movl	$0x3f8, %edx
	outb	%al, %dx
4:	hlt
	jmp	4b

user:	call	guest_main
	hlt				# the fill is done, as GUEST_HALT asked
