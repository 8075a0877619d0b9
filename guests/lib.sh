# Shared by the recipes: fetch Debian packages without installing them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../build/guests}
mkdir -p "$out/debs"
out=$(cd "$out" && pwd)

# say TEXT: progress, on standard error.
say() { echo "guests: $*" >&2; }

# need COMMAND PACKAGE: a tool of the recipe.
need() {
    command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] && return 0
    say "'$1' is missing: apt-get install $2"
    exit 1
}

arch= # empty: the host's own
aptconf=/dev/null

# foreign ARCH: from here on packages are those of another architecture, by an apt of our own with the host's sources: the
# host's own configuration and lists stay as they are.
foreign() {
    arch=$1
    a=$out/apt-$arch
    aptconf=$a/apt.conf
    mkdir -p "$a/lists/partial" "$a/cache/archives/partial"
    : >"$a/status"
    cat >"$aptconf" <<EOF
APT::Architecture "$arch";
#clear APT::Architectures;
APT::Architectures { "$arch"; };
Dir::State "$a";
Dir::State::status "$a/status";
Dir::Cache "$a/cache";
Acquire::Languages "none";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
EOF
    say "fetching the lists of $arch packages"
    # A source without this architecture fails; what matters is whether the packages can be had.
    apt-get -c "$aptconf" -qq update >"$a/log" 2>&1 || say "some lists are missing; see $a/log"
}

# unpack PACKAGE: downloads it (if not there) and prints the directory with its files.
unpack() {
    p=$1
    d="$out/debs/${arch:+$arch/}$p"
    if [ ! -e "$d/.done" ]; then
        say "fetching $p${arch:+ ($arch)}"
        rm -rf "$d"
        mkdir -p "$d/deb"
        (cd "$d/deb" && apt-get -c "$aptconf" download -qq "$p" >/dev/null 2>"$d/error") ||
            { say "cannot download $p: $(cat "$d/error")"; exit 1; }
        dpkg -x "$d"/deb/*.deb "$d"
        rm -rf "$d/deb" "$d/error"
        touch "$d/.done"
    fi
    echo "$d"
}

# kernel_package NAME: the real package behind a linux-image-* metapackage.
kernel_package() {
    apt-cache -c "$aptconf" depends "$1" | sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}

# module_file KERNEL NAME: a module's file; - and _ are one.
module_file() {
    find "$1/lib/modules" -name "$(echo "$2" | tr _- '??').ko" | head -n 1
}

# add_module KERNEL ROOT NAME [PARAMETER...]: it and what it depends on into ROOT/lib/modules, each once, dependencies
# first in its `order`. What the kernel has built in needs no file.
add_module() {
    file=$(module_file "$1" "$3")
    [ -n "$file" ] || return 0
    ! grep -q "^$(basename "$file") " "$2/lib/modules/order" || return 0
    for dep in $(modinfo -F depends "$file" | tr ',' ' '); do
        add_module "$1" "$2" "$dep"
    done
    file=$(module_file "$1" "$3")
    order=$2/lib/modules/order
    cp "$file" "$2/lib/modules/"
    shift 3
    echo "$(basename "$file") $*" >>"$order"
}

# small_root KERNEL BUSYBOX ROOT MODULES...: the tree of an initramfs: busybox, small/init, the modules that those lists
# name, with their parameters.
small_root() {
    kernel=$1 root=$3
    for d in bin proc sys dev mnt tmp etc root lib/modules; do
        mkdir -p "$root/$d"
    done
    cp "$2/bin/busybox" "$root/bin/busybox"
    cp "$here/small/init" "$root/init"
    chmod +x "$root/init"
    : >"$root/lib/modules/order"
    shift 3
    for list in "$@"; do
        while read -r module parameters; do
            # shellcheck disable=SC2086
            add_module "$kernel" "$root" "$module" $parameters
        done <"$list"
    done
}

# initrd ROOT FILE
initrd() {
    (cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) | gzip -9n >"$2"
}

# grub_cd TREE FILE VOLUME: a CD that boots by BIOS through GRUB.
grub_cd() {
    grub-mkrescue -o "$2" "$1" --directory=/usr/lib/grub/i386-pc -- -volid "$3" >"$2.log" 2>&1 ||
        { cat "$2.log" >&2; exit 1; }
    rm -f "$2.log"
}
