# shellcheck shell=bash
# What the scripts share: messages, packages, building. Sourced, not run.
# shellcheck disable=SC2034

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

build_packages=(
    git gcc libc6-dev meson ninja-build pkg-config
    libuv1-dev libhiredis-dev libjansson-dev libmicrohttpd-dev libdeflate-dev
    libxxhash-dev libmsgpack-dev librabbitmq-dev libssl-dev check
    libsubunit-dev
)
run_packages=(
    redis-server python3 python3-celery python3-redis curl ca-certificates
)
test_packages=(
    "${run_packages[@]}" redis-tools openssl rabbitmq-server prometheus
    python3-pytest python3-pytest-xdist python3-prometheus-client python3-venv
    python3-gevent python3-msgpack
    iproute2 iptables strace faketime procps valgrind shellcheck mandoc jsonnet
    prometheus-alertmanager
)

# Optimised when linking, an event costs a tenth less, but only with -O2: with -O3
# the inliner runs out of room for what is called most.
release_options=(-Doptimization=2 -Db_lto=true)

say() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

die() {
    say "$*"
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root to install packages: run as root, or install sudo"
    fi
}

missing_packages() {
    local package
    for package in "$@"; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
        "install ok installed") ;;
        *) printf '%s\n' "$package" ;;
        esac
    done
}

# Debian starts a service as soon as its package is installed. For that moment
# a policy forbids it: we start our own servers and no others.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d ours=no rc=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        ours=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "$@" >&2 || rc=$?
    [ "$ours" = no ] || as_root rm -f "$policy"
    return "$rc"
}

# Installs those of the packages that are missing; silent when none is.
need_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "please install, this is not Debian: ${missing[*]}"
    say "installing ${missing[*]}"
    as_root apt-get update -qq >&2 || say "apt-get update failed, going on"
    install_quietly "${missing[@]}" || die "could not install the packages"
    case " ${missing[*]} " in
    *" redis-server "* | *" prometheus "* | *" prometheus-alertmanager "*)
        say "system services of these packages were not started;" \
            "where systemd runs they start at the next boot unless disabled"
        ;;
    esac
}

# configure FOLDER OPTION... : a build folder, made only once, or when the options
# are others.
configure() {
    local folder=$1
    shift
    if [ ! -f "$folder/build.ninja" ]; then
        (cd "$root" && meson setup "$folder" "$@") >&2
    elif [ "$(cat "$folder/configured" 2>/dev/null)" != "$*" ]; then
        meson configure "$folder" "$@" >&2
    fi
    printf '%s\n' "$*" >"$folder/configured"
}

build_exporter() {
    need_packages "${build_packages[@]}"
    configure "$root/build" "${release_options[@]}"
    ninja -C "$root/build" celery-exporter >&2
}
