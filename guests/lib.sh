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

# unpack PACKAGE: downloads it (if not there) and prints the directory with its files.
unpack() {
    p=$1
    d="$out/debs/$p"
    if [ ! -e "$d/.done" ]; then
        say "fetching $p"
        rm -rf "$d"
        mkdir -p "$d/deb"
        (cd "$d/deb" && apt-get download -qq "$p" >/dev/null 2>"$d/error") ||
            { say "cannot download $p: $(cat "$d/error")"; exit 1; }
        dpkg -x "$d"/deb/*.deb "$d"
        rm -rf "$d/deb" "$d/error"
        touch "$d/.done"
    fi
    echo "$d"
}

# kernel_package NAME: the real package behind a linux-image-* metapackage.
kernel_package() {
    apt-cache depends "$1" | sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}
