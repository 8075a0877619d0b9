# What base-installer asks of an architecture: the kernel with the drivers of ISA cards.
arch_get_kernel_flavour() { echo 686; }
arch_check_usable_kernel() {
    case $1 in
    *-dbg) return 1 ;;
    *-686) return 0 ;;
    *) return 1 ;;
    esac
}
arch_get_kernel() { echo linux-image-686; }
