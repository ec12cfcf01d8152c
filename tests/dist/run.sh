#!/usr/bin/env bash
# Does the released program start elsewhere? Takes a tarball of make dist, looks at what its program asks the loader
# for, and runs it in roots that hold nothing but a C library: Debian 12's and a newer one's. Who can run on these can
# run on any distribution with glibc 2.36.
set -euo pipefail
project=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd -P)
. "$project/tools/lib.sh"
readonly newest_glibc=2.36

if [ ! -f "${1:-}" ]; then die "$EXIT_USAGE" "usage: tests/dist/run.sh TARBALL (make dist makes one)"; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
ok() { echo "ok: $1"; }
fail() { echo "FAILED: $1"; failures=$((failures + 1)); }

tar -C "$work" -xzf "$1"
folder=$(find "$work" -mindepth 1 -maxdepth 1 -type d)
for file in nightwatt nightwatt.1 README.md LICENSE CHANGELOG.md; do
  if [ -s "$folder/$file" ]; then ok "the tarball holds $file"; else fail "the tarball holds no $file"; fi
done
program=$folder/nightwatt

foreign=$(readelf -d "$program" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p' | grep -vE '^(libc\.so\.6|libm\.so\.6|ld-linux.*)$' || true)
if [ -z "$foreign" ]; then ok "it needs no library but glibc's"; else fail "it needs ${foreign//$'\n'/, }"; fi
asked=$(objdump -T "$program" | grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' | sort -uV | tail -n 1)
if [ "$(printf '%s\n' "$asked" "$newest_glibc" | sort -V | tail -n 1)" = "$newest_glibc" ]; then
  ok "it asks for no glibc above $newest_glibc (the newest is ${asked:-none})"
else
  fail "it asks for glibc $asked, newer than $newest_glibc: $(objdump -T "$program" | grep "GLIBC_$asked)" | awk '{ print $NF }' |
    head -n 3 | paste -sd ' ') (a release is built on Debian 12)"
fi

enter=(chroot)
if [ "$(id -u)" -ne 0 ]; then
  unshare -r true 2>/dev/null || die "$EXIT_LACKS" "neither root nor user namespaces are at hand, so no root can be entered"
  enter=(unshare -r chroot)
fi

# Kept between runs: a root is a download.
bare_root() { # SUITE
  local suite=$1 root=$project/build/dist-roots/$1 mirror
  [ ! -e "$root.done" ] || return 0
  mirror=$("$project/tools/lab" --print-mirror)
  rm -rf --one-file-system "$root"
  mkdir -p "$(dirname "$root")"
  # base-files: the newer C libraries leave the links /lib and /lib64 to it.
  if ! LC_ALL=C mmdebstrap --mode=chrootless --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='Acquire::Retries "3"' --include=base-files,libc6 "$suite" "$root" "${mirror/ SUITE / $suite }" >"$root.log" 2>&1; then
    die "$EXIT_LACKS" "no bare root of $suite from $mirror: $(apt_reason "$root.log"); details in $root.log"
  fi
  touch "$root.done"
}

for suite in bookworm forky; do
  bare_root "$suite"
  root=$project/build/dist-roots/$suite
  rm -f "$root/nightwatt" "$root/tmp/t.gguf"
  cp "$program" "$root/nightwatt"
  for command in "--version" "model synth --shape tiny-llama --quant Q8_0 -o /tmp/t.gguf" "model show /tmp/t.gguf"; do
    # shellcheck disable=SC2086  # words of one command
    if "${enter[@]}" "$root" /nightwatt $command >"$work/out" 2>&1; then
      ok "$suite: nightwatt $command"
    else
      fail "$suite: nightwatt $command: $(tail -n 1 "$work/out")"
    fi
  done
  rm -f "$root/nightwatt" "$root/tmp/t.gguf"
done

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
echo "all passed"
