# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What deploy/quickstart.sh and deploy/demo-vm.sh share: what people see, and a broker on loopback with a SoftHSM2 token.
# Sourced. The caller has source_dir, dir (a default for --dir), and a function stop_all that ends what a former run in
# $dir left running. Afterwards: bin (programs), log.
program=$(basename "$0" .sh)
started=$SECONDS
keep=false
bin=

# take_arguments ARGUMENT...: --dir FOLDER, --keep, --bin FOLDER, --help (the comment at the top of the caller).
take_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --dir) dir=${2:?--dir needs a folder}; shift ;;
        --keep) keep=true ;;
        --bin) bin=$(cd "${2:?--bin needs a folder}" && pwd); shift ;;
        --help | -h) sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "$program: unknown argument $1 (see --help)" >&2; exit 64 ;;
        esac
        shift
    done
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    case $dir in *[[:space:]]*) echo "$program: the folder's path must have no blanks" >&2; exit 64 ;; esac
    umask 077
    log=$dir/$program.log
}

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
say() { printf '   %s\n' "$*"; }
show() {
    local line="$*"
    line=${line//"$bin/"/}
    printf '   $ %s\n' "${line//"$dir"/\$DIR}"
    "$@" 2>&1 | sed 's/^/   /'
}
surprise() { printf '\n%s: %s\n' "$program" "$*" >&2; exit 1; }

# stop PIDFILE NAME: ends the process of a pid file, if it is still one of that name.
stop() {
    local pid
    [ -s "$1" ] || return 0
    pid=$(cat "$1")
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ]; then
        kill "$pid"
        for _ in $(seq 100); do
            [ -d "/proc/$pid" ] || break
            sleep 0.1
        done
        [ ! -d "/proc/$pid" ] || kill -9 "$pid"
    fi
    rm -f "$1"
}

at_exit() {
    local status=$?
    trap - EXIT
    if [ $status -ne 0 ]; then
        echo "$program: FAILED (status $status); the end of $log:" >&2
        tail -n 30 "$log" >&2 2>/dev/null || true
    fi
    if [ $status -ne 0 ] || ! $keep; then stop_all; fi
    exit $status
}

make_folder() {
    if [ -e "$dir" ] && [ ! -e "$dir/.latchkey-demo" ] && [ -n "$(ls -A "$dir")" ]; then
        echo "$program: $dir is not empty and not of a former run: choose another with --dir" >&2
        exit 1
    fi
    stop_all
    rm -rf "$dir"
    mkdir -p "$dir"
    touch "$dir/.latchkey-demo"
}

# In a subshell: the programs are for other users too, such as those that the tests give to each process.
build() (
    umask 022
    cd "$source_dir"
    cmake --preset release -DBUILD_TESTING=OFF >>"$log" 2>&1
    cmake --build --preset release >>"$log" 2>&1
)

# prepare WHAT...: packages for WHAT (deploy/packages.txt) and the programs, unless --bin says that all is there; then the folder.
prepare() {
    if [ -z "$bin" ]; then
        step "Packages"
        "$source_dir/deploy/install-packages.sh" "$@"
    fi
    make_folder
    trap at_exit EXIT
    say "folder $dir"
    if [ -z "$bin" ]; then
        step "Build (release)"
        bin=$source_dir/build/release/bin
        build
    fi
    say "$("$bin/latchkeyd" --version)"
}

make_token() {
    mkdir "$dir/tokens"
    printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$dir" >"$dir/softhsm2.conf"
    openssl rand -hex 12 >"$dir/pin"
    # softhsm2-util takes PINs as arguments only; the demo's are random and worth nothing elsewhere.
    SOFTHSM2_CONF=$dir/softhsm2.conf softhsm2-util --init-token --free --label latchkey \
        --pin "$(cat "$dir/pin")" --so-pin "$(openssl rand -hex 12)" >>"$log"
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=latchkey-demo \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$dir/tls.key" -out "$dir/tls.pem" 2>>"$log"
}

free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 30000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
    return 1
}

write_config() {
    cat >"$dir/latchkeyd.conf" <<CONF
schema: latchkey-config/1
state: ./state
listen: ["127.0.0.1:$(free_port)"]
tls: {certificate: tls.pem, key: tls.key}
token:
  module: $(find /usr/lib -name libsofthsm2.so | head -n 1)
  label: latchkey
  pin-file: pin
  environment: {SOFTHSM2_CONF: ./softhsm2.conf}
  read-only: [softhsm2.conf]
  read-write: [tokens]
verifiers: 2
pid-file: latchkeyd.pid
CONF
    "$bin/latchkeyd" --config "$dir/latchkeyd.conf" --check-config >>"$log"
}

start_broker() {
    setsid "$bin/latchkeyd" --config "$dir/latchkeyd.conf" >>"$dir/latchkeyd.log" 2>&1 &
    for _ in $(seq 150); do
        if "$bin/latchkey" status >"$dir/status" 2>>"$log"; then return 0; fi
        sleep 0.2
    done
    tail -n 20 "$dir/latchkeyd.log" >>"$log"
    surprise "latchkeyd does not answer"
}

# make_broker: token, TLS certificate, administrator's SSH key, latchkeyd.conf.
make_broker() {
    make_token
    make_certificate
    ssh-keygen -q -t ed25519 -N '' -C demo-admin -f "$dir/admin"
    write_config
}
