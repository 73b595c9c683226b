#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Latchkey from nothing to a released key, and to two explained refusals, on one machine:
# a SoftHSM2 token as the HSM, software TPMs (swtpm) as the machines, everything else as it is used in earnest.
#
#   deploy/quickstart.sh [--dir FOLDER] [--keep] [--bin FOLDER]
#
#   --dir FOLDER   where everything is kept, default ~/latchkey-demo; a former run's folder is emptied first
#   --keep         leaves it running and says how to use it; the next run stops it
#   --bin FOLDER   programs that are built already; nothing is installed or built then
#
# Runs unattended on Debian 12, as root or with sudo for the packages that are missing. Exit status 0 only if all
# went as it must.
set -eu -o pipefail
exec </dev/null
source_dir=$(cd "$(dirname "$0")/.." && pwd)

dir=${HOME:-/root}/latchkey-demo
keep=false
bin=
while [ $# -gt 0 ]; do
    case $1 in
    --dir) dir=${2:?--dir needs a folder}; shift ;;
    --keep) keep=true ;;
    --bin) bin=$(cd "${2:?--bin needs a folder}" && pwd); shift ;;
    --help | -h) sed -n '3,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart: unknown argument $1 (see --help)" >&2; exit 64 ;;
    esac
    shift
done
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
case $dir in *[[:space:]]*) echo "quickstart: the folder's path must have no blanks" >&2; exit 64 ;; esac
umask 077
log=$dir/quickstart.log
started=$SECONDS

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
say() { printf '   %s\n' "$*"; }
show() {
    local line="$*"
    line=${line//"$bin/"/}
    printf '   $ %s\n' "${line//"$dir"/\$DIR}"
    "$@" 2>&1 | sed 's/^/   /'
}
surprise() { printf '\nquickstart: %s\n' "$*" >&2; exit 1; }

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
stop_all() {
    stop "$dir/latchkeyd.pid" latchkeyd
    for tpm in "$dir"/tpm1 "$dir"/tpm2; do stop "$tpm/swtpm.pid" swtpm; done
}
at_exit() {
    local status=$?
    trap - EXIT
    if [ $status -ne 0 ]; then
        echo "quickstart: FAILED (status $status); the end of $log:" >&2
        tail -n 30 "$log" >&2 2>/dev/null || true
    fi
    if [ $status -ne 0 ] || ! $keep; then stop_all; fi
    exit $status
}

make_folder() {
    if [ -e "$dir" ] && [ ! -e "$dir/.latchkey-demo" ] && [ -n "$(ls -A "$dir")" ]; then
        echo "quickstart: $dir is not empty and not of a former run: choose another with --dir" >&2
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

# start_tpm NAME: a TPM with an EK certificate of the demo's own CA; its firmware has measured into PCRs 0 to 7.
start_tpm() {
    "$source_dir/tests/emulators/swtpm/swtpm-up" "$dir/$1" "$dir/tpm-ca" >>"$log" 2>&1
    TPM2TOOLS_TCTI=$(cat "$dir/$1/tcti")
    export TPM2TOOLS_TCTI
    local i
    for i in 0 1 2 3 4 5 6 7; do
        tpm2_pcrextend "$i:sha256=$(printf 'demo firmware, part %s' "$i" | sha256sum | cut -d' ' -f1)" >>"$log" 2>&1
    done
}

# ek_sha256 NAME: what {tpm.ek-sha256} stands for: SHA-256 of the EK's SubjectPublicKeyInfo.
ek_sha256() {
    TPM2TOOLS_TCTI=$(cat "$dir/$1/tcti") tpm2_nvread 0x1c00002 2>>"$log" |
        openssl x509 -inform DER -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1
}

write_reference() {
    {
        printf 'schema: latchkey-reference/1\nid: demo-firmware-1\ngroup: demo-firmware\nstate: active\n'
        printf 'from: taken from the demo TPM by quickstart.sh\nmatch:\n'
        tpm2_pcrread sha256:0,1,2,3,4,5,6,7 | sed -n 's/^ *\([0-7]\) *: 0x\([0-9A-F]*\)$/  tpm.pcr.sha256.\1: "\L\2"/p'
    } >"$dir/reference.yaml"
    [ "$(grep -c tpm.pcr "$dir/reference.yaml")" = 8 ] || surprise "the TPM did not show eight PCRs"
}

write_policy() {
    cat >"$dir/policy.yaml" <<'POLICY'
schema: latchkey-policy/1
policy: demo-disk-keys
releases: ["demo/disk/{tpm.ek-sha256}"]      # each machine its own key
accept:
  - name: tpm
    chain: [tpm]
    tpm:
      ek: {any-genuine: {because: "every TPM under the demo's CA may ask; the name binds each key to one"}}
    reference: demo-firmware                 # PCRs 0 to 7 must match one record of this group
POLICY
}

# fetch NAME SECRET OUT: as a machine with that TPM does; its status is the answer's class.
fetch() {
    "$bin/latchkey-fetch" --broker "$address" --broker-id "$broker_id" --secret "$2=$3" \
        --collector "$bin/latchkey-evidence-tpm --ek=rsa --tcti=$(cat "$dir/$1/tcti")"
}

# expect_refusal NAME SECRET: shows it as the guest sees it; sets $decision.
expect_refusal() {
    local status=0
    fetch "$1" "$2" "$dir/must-not-exist" >"$dir/refusal" 2>&1 || status=$?
    sed 's/^/   /' "$dir/refusal"
    [ $status = 1 ] || surprise "exit status $status instead of 1 (refused)"
    [ ! -e "$dir/must-not-exist" ] || surprise "a refused machine got a key"
    grep -q "signature was checked" "$dir/refusal" || surprise "the refusal was not signed by the broker"
    decision=$(sed -n 's/.*latchkey explain \([^ ]*\)$/\1/p' "$dir/refusal" | head -n 1)
    [ -n "$decision" ] || surprise "no decision id"
}

if [ -z "$bin" ]; then
    step "Packages"
    "$source_dir/deploy/install-packages.sh" build run
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

step "Token, TLS certificate, administrator's SSH key"
make_token
make_certificate
ssh-keygen -q -t ed25519 -N '' -C demo-admin -f "$dir/admin"
write_config
say "SoftHSM2 token \"latchkey\", PIN in a 0600 file; TLS certificate; SSH key $(ssh-keygen -lf "$dir/admin.pub" | cut -d' ' -f2)"

step "latchkey init: keys in the token, store, first administrator (offline)"
show "$bin/latchkey" init --config "$dir/latchkeyd.conf" --admin "admin=$dir/admin.pub" --write-profile "$dir/profile"
export LATCHKEY_PROFILE=$dir/profile
address=$(sed -n 's/^broker = //p' "$dir/profile")
broker_id=$(sed -n 's/^broker-id = //p' "$dir/profile")

step "latchkeyd on $address"
start_broker
sed 's/^/   /' "$dir/status"

step "A machine: a TPM with an EK certificate of a local CA, firmware measured into PCRs 0-7"
start_tpm tpm1
ek1=$(ek_sha256 tpm1)
say "EK $ek1"

step "The TPM maker's CA becomes an anchor, for TPMs only"
show "$bin/latchkey" anchor add demo-tpm-ca --family tpm --certificate "$dir/tpm1/root.pem" --intermediates "$dir/tpm1/issuer.pem"

step "What good firmware measures: a reference record; who gets what: a policy"
write_reference
write_policy
show "$bin/latchkey" reference add "$dir/reference.yaml"
sed 's/^/   | /' "$dir/policy.yaml"
show "$bin/latchkey" policy apply "$dir/policy.yaml"

step "A 32-byte disk key for this machine, sealed to the token"
openssl rand 32 >"$dir/disk.key"
show "$bin/latchkey" secret put "demo/disk/$ek1" --file "$dir/disk.key"

step "The machine asks: EK chain, activation, quote"
fetch tpm1 'demo/disk/{tpm.ek-sha256}' "$dir/fetched.key" 2>&1 | tee "$dir/release" | sed 's/^/   /'
cmp -s "$dir/disk.key" "$dir/fetched.key" || surprise "the key that came back is another"
grep -q "signature was checked" "$dir/release" || surprise "the answer's signature was not checked"
say "the key came back: 32 bytes, equal to what was put; only this machine could open it"

step "Other firmware: PCR 4 changes, and the machine asks again"
TPM2TOOLS_TCTI=$(cat "$dir/tpm1/tcti") tpm2_pcrextend "4:sha256=$(printf 'a bootkit' | sha256sum | cut -d' ' -f1)" >>"$log" 2>&1
expect_refusal tpm1 'demo/disk/{tpm.ek-sha256}'
step "The administrator is told why"
show "$bin/latchkey" explain "$decision" | tee "$dir/explained"
grep -q "tpm.pcr.sha256.4" "$dir/explained" || surprise "the explanation does not name PCR 4"

step "Another genuine machine, with good firmware, asks for the first one's key"
start_tpm tpm2
say "EK $(ek_sha256 tpm2)"
expect_refusal tpm2 "demo/disk/$ek1"
show "$bin/latchkey" explain "$decision"

step "All of it is on record"
show "$bin/latchkey" audit list

if $keep; then
    step "Left running"
    say "export LATCHKEY_PROFILE=$dir/profile PATH=$bin:\$PATH"
    say "latchkey status; latchkey audit list; latchkey policy show demo-disk-keys"
    say "latchkey-fetch --broker $address --broker-id $broker_id --secret NAME=FILE \\"
    say "    --collector \"latchkey-evidence-tpm --tcti=\$(cat $dir/tpm2/tcti)\""
    say "stop it: kill \$(cat $dir/latchkeyd.pid $dir/tpm1/swtpm.pid $dir/tpm2/swtpm.pid), or run quickstart.sh again"
else
    step "Stopping everything"
    stop_all
    say "stopped; the folder stays: $dir"
fi
printf '\nquickstart: done in %s s\n' "$((SECONDS - started))"
