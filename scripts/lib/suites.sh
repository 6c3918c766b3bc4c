# shellcheck shell=bash
# Programs of newer Debian releases, for scripts/test --all. A release is
# installed into a folder of .cache/roots, once, and its programs run from there
# beside those of this system (see in-root). Sourced, not run.

roots=$root/.cache/roots

# Says why there can be no roots here; nothing when there can.
suites_missing() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "needs root, for mmdebstrap and chroot"
    elif ! unshare --mount true 2>/dev/null; then
        echo "needs to mount folders, which is not allowed here"
    elif [ -z "$(debian_mirror)" ]; then
        echo "no Debian mirror among the sources of apt"
    fi
}

debian_mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        'Origin: Debian' 'Label: Debian' 2>/dev/null | sort -u | head -n 1
}

# make_suite NAME PACKAGE... : the root of a release, unless it is there
# already with these packages. A mirror that lags behind will do, its packages
# are signed all the same.
make_suite() {
    local name=$1 folder=$roots/$1 mirror
    shift
    [ "$(cat "$folder.packages" 2>/dev/null)" != "$*" ] || return 0
    mirror=$(debian_mirror)
    say "downloading Debian $name from $mirror into $folder, about" \
        "150 to 300 MB, with $*"
    rm -rf --one-file-system "$folder" "$folder.packages"
    mkdir -p "$roots"
    if ! timeout 1800 mmdebstrap --quiet --variant=minbase --components=main \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        --include="$(IFS=,; echo "$*")" \
        "$name" "$folder" "$mirror" >"$folder.log" 2>&1; then
        say "$name: skipped, could not be installed:" \
            "$(grep -m 1 '^E:' "$folder.log" || echo "see $folder.log")"
        return 1
    fi
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$folder/etc/hosts"
    printf '%s\n' "$*" >"$folder.packages"
}

# program SUITE PATH : a command that runs this program of the release, for
# those who want the name of a file.
program() {
    local command=$roots/$1-bin/${2##*/}
    mkdir -p "${command%/*}"
    printf '#!/bin/sh\nexec "%s" "%s" "%s" "$@"\n' \
        "$root/scripts/lib/in-root" "$roots/$1" "$2" >"$command"
    chmod 755 "$command"
    printf '%s\n' "$command"
}

# suite_tests NAME CHOICE FILE... : of the integration tests in these files those
# that pytest's -k chooses.
suite_tests() {
    local name=$1 choice=$2
    shift 2
    integration_tests "$name" "${exporter:-$root/build/celery-exporter}" -n 2 \
        -k "$choice" "${@/#/$root/tests/integration/test_}"
}

redis_suite() {
    local server
    server=$(program "$1" "/usr/bin/$2-server")
    say "$1: $("$server" --version)"
    REDIS_SERVER=$server suite_tests "$1-$2" 'not rabbitmq and not amqp' \
        captures.py events.py reconnect.py sentinel.py accounts.py celery.py \
        blackbox.py tls.py
}

rabbitmq_suite() {
    local bin=/usr/lib/rabbitmq/bin server
    server=$(program "$1" "$bin/rabbitmq-server")
    program "$1" "$bin/rabbitmqctl" >/dev/null
    RABBITMQ_BIN=${server%/*} suite_tests "$1-rabbitmq" 'amqp or rabbitmq' \
        amqp.py faults_amqp.py accounts.py blackbox.py celery.py events.py tls.py
}

celery_suite() {
    local interpreter
    interpreter=$(program "$1" /usr/bin/python3)
    say "$1: Celery $("$interpreter" -m celery --version)"
    CELERY_PYTHON=$interpreter suite_tests "$1-celery" 'debian or real_workers' \
        celery.py amqp.py loss.py
}

prometheus_suite() {
    local tool server manager
    tool=$(program "$1" /usr/bin/promtool)
    server=$(program "$1" /usr/bin/prometheus)
    manager=$(program "$1" /usr/bin/prometheus-alertmanager)
    say "$1: $("$tool" --version 2>&1 | head -n 1)"
    PROMTOOLS=$tool meson_tests "$1-mixin" "$root/build" mixin
    PROMETHEUS=$server ALERTMANAGER=$manager suite_tests "$1-prometheus" '' \
        alerts_live.py dashboards.py
}

# celery_release VERSION : of the Python registry.
celery_release() {
    local venv=$root/.cache/celery-$1
    if ! [ -f "$venv/installed" ]; then
        if ! "$python" -m venv --clear "$venv" >"$venv.log" 2>&1 ||
            ! "$venv/bin/python" -m pip install -q --disable-pip-version-check \
                "celery[redis]==$1.*" >>"$venv.log" 2>&1; then
            say "Celery $1: skipped, could not be installed, see $venv.log"
            return
        fi
        touch "$venv/installed"
    fi
    say "Celery $("$venv/bin/python" -m celery --version)"
    CELERY_PYTHON=$venv/bin/python suite_tests "celery-$1" \
        'debian or real_workers' celery.py amqp.py
}

# The exporter itself, of the release's compiler and libraries.
build_suite() {
    local folder=$roots/$1-build in=("$root/scripts/lib/in-root" "$roots/$1")
    if ! { [ -f "$folder/build.ninja" ] ||
        (cd "$root" && "${in[@]}" meson setup "${release_options[@]}" "$folder"); } \
        >"$results/$1-build.log" 2>&1 ||
        ! "${in[@]}" ninja -C "$folder" >>"$results/$1-build.log" 2>&1; then
        expect "$1-unit.json"
        say "$1: the build failed"
        tail -n 50 "$results/$1-build.log" >&2
        return
    fi
    local meson=("${in[@]}" meson)
    meson_tests "$1-unit" "$folder" --suite unit --suite fuzz
    local exporter
    exporter=$(program "$1" "$folder/celery-exporter")
    suite_tests "$1-exporter" '' http.py tls.py events.py
}

newer_suites() {
    local reason
    celery_release 5.5
    celery_release 5.6
    need_packages mmdebstrap
    reason=$(suites_missing)
    if [ -n "$reason" ]; then
        say "newer Debian releases: skipped, $reason"
        return
    fi
    if make_suite trixie redis-server valkey-server rabbitmq-server \
        prometheus promtool prometheus-alertmanager \
        python3-celery python3-redis python3 "${build_packages[@]}"; then
        redis_suite trixie redis
        redis_suite trixie valkey
        rabbitmq_suite trixie
        celery_suite trixie
        prometheus_suite trixie
        build_suite trixie
    fi
    if make_suite sid redis-server valkey-server rabbitmq-server \
        prometheus promtool prometheus-alertmanager; then
        redis_suite sid redis
        redis_suite sid valkey
        rabbitmq_suite sid
        prometheus_suite sid
    fi
}
