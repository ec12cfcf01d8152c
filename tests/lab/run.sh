#!/usr/bin/env bash
# Tests of tools/lab and tools/setup. A repository of one small package, made here, stands in for Debian: the real
# script and the real mmdebstrap run, in seconds and without a network. Its "engines" are coreutils that tell what a
# wrapper gave them. What exists of the real lab is tried at the end.
set -euo pipefail
project=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd -P)
tool=$project/tools/lab
command -v mmdebstrap >/dev/null || { echo "SKIP: mmdebstrap is not installed (tools/setup lab)"; exit 77; }

work=$(mktemp -d)
chmod 755 "$work"
cleanup() { rm -rf --one-file-system "$work"; }
trap cleanup EXIT
unset NIGHTWATT_MIRROR NIGHTWATT_LAB_SUITES NIGHTWATT_LAB_PACKAGES VK_DRIVER_FILES VK_ICD_FILENAMES LD_LIBRARY_PATH
# These tests say themselves which engines are on PATH: others there, the real lab's among them, would be "foreign".
clean_path=""
while IFS= read -r -d : folder; do
  [ -x "$folder/llama-server" ] || clean_path+=${clean_path:+:}$folder
done <<<"$PATH:"
PATH=$clean_path
real_lab=${NIGHTWATT_LAB:-$project/build/lab}
arch=$(dpkg --print-architecture)
triplet=$(uname -m)-linux-gnu

failures=0
ok() { echo "ok: $1"; }
fail() { echo "FAILED: $1"; failures=$((failures + 1)); }
check() { # WHAT COMMAND...
  local what=$1
  shift
  if "$@"; then ok "$what"; else fail "$what"; fi
}
# run_lab ARGS: sets out (both streams), rc and lines.
run_lab() {
  rc=0
  out=$("$tool" "$@" 2>&1) || rc=$?
}
one_sentence() { [ "$rc" -eq "$1" ] && grep -qE "$2" <<<"$out" && [ "$(grep -c '^lab: ' <<<"$out")" -le "${3:-2}" ] && ! grep -q '^E:' <<<"$out"; }

# --- a repository ----------------------------------------------------------------------------------------------------

package=$work/package
mkdir -p "$package/DEBIAN" "$package/usr/bin" "$package/usr/lib/$triplet/ggml/backends0" "$package/usr/lib/$triplet/llama" \
  "$package/usr/share/vulkan/icd.d"
cat >"$package/DEBIAN/control" <<END
Package: tiny-engine
Version: 1.0
Architecture: $arch
Maintainer: Nobody <nobody@localhost>
Description: stands in for an engine
END
loader=$(find /lib64 /lib /usr/lib -maxdepth 2 -name 'ld-linux*.so.*' 2>/dev/null | head -n 1)
cp -L "$loader" "$package/usr/lib/$triplet/"
cp /usr/bin/readlink "$package/usr/bin/llama-server"
cp /usr/bin/cat "$package/usr/bin/llama-bench"
cp /usr/bin/true "$package/usr/bin/llama-completion"
cp /usr/bin/env "$package/usr/bin/llama-quantize"
touch "$package/usr/lib/$triplet/ggml/backends0/libggml-cpu-x64.so" "$package/usr/lib/$triplet/llama/libllama-server-impl.so"
echo '{}' >"$package/usr/share/vulkan/icd.d/lvp_icd.json"

make_repository() { # FOLDER SUITE VALID-UNTIL
  local suite=$1/dists/$2 list deb=pool/tiny-engine.deb
  list=main/binary-$arch/Packages
  mkdir -p "$1/pool" "$suite/main/binary-$arch"
  dpkg-deb -Znone --root-owner-group -b "$package" "$1/$deb" >/dev/null
  {
    dpkg-deb -f "$1/$deb"
    printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$1/$deb")" "$(sha256sum <"$1/$deb" | cut -d ' ' -f 1)"
  } >"$suite/$list"
  {
    printf 'Origin: Test\nSuite: %s\nCodename: %s\nArchitectures: %s\nComponents: main\n' "$2" "$2" "$arch"
    printf 'Date: %s\nValid-Until: %s\nSHA256:\n' "$(date -Ru -d '2020-01-01')" "$3"
    printf ' %s %s %s\n' "$(sha256sum <"$suite/$list" | cut -d ' ' -f 1)" "$(stat -c %s "$suite/$list")" "$list"
  } >"$suite/Release"
}
make_repository "$work/repo" newer "$(date -Ru -d '2020-01-08')"
export NIGHTWATT_MIRROR="deb [trusted=yes] copy:$work/repo SUITE main" NIGHTWATT_LAB_SUITES=newer
export NIGHTWATT_LAB_PACKAGES=tiny-engine NIGHTWATT_LAB=$work/lab

# --- making it -------------------------------------------------------------------------------------------------------

# The date of this repository's list has passed. That apt minds it otherwise is shown first.
if mmdebstrap --mode=chrootless --variant=extract --include=tiny-engine newer "$work/expired" \
  "deb [trusted=yes] copy:$work/repo newer main" >"$work/expired.log" 2>&1; then
  fail "apt by itself refuses a list whose validity date has passed"
else
  check "apt by itself refuses a list whose validity date has passed" grep -q 'is expired' "$work/expired.log"
fi
run_lab
check "the lab is made from a list whose validity date has passed" test "$rc" -eq 0 -a -x "$work/lab/bin/llama-server"

start=$(date +%s%N)
run_lab
took_ms=$((($(date +%s%N) - start) / 1000000))
check "a second call does nothing, in $took_ms ms" test "$rc" -eq 0 -a -z "$out" -a "$took_ms" -lt 200

check "--print-bin" test "$("$tool" --print-bin)" = "$work/lab/bin"

# --- what the wrappers give ------------------------------------------------------------------------------------------

bin=$work/lab/bin
backends=$work/lab/root/usr/lib/$triplet/ggml/backends0
check "/proc/PID/exe is named like the program and lies beside the backends" \
  test "$("$bin/llama-server" /proc/self/exe)" = "$backends/llama-server"
check "/proc/PID/comm is named like the program" test "$("$bin/llama-bench" /proc/self/comm)" = llama-bench
"$bin/llama-quantize" >"$work/env"
check "the software device is chosen" grep -qFx "VK_DRIVER_FILES=$work/lab/root/usr/share/vulkan/icd.d/lvp_icd.json" "$work/env"
check "no LD_LIBRARY_PATH is exported" bash -c "! grep -q '^LD_LIBRARY_PATH=' '$work/env'"
VK_DRIVER_FILES=/mine "$bin/llama-quantize" >"$work/env"
check "a driver chosen by the user is kept" grep -qFx 'VK_DRIVER_FILES=/mine' "$work/env"
ln -s "$bin/llama-server" "$work/elsewhere"
check "a link to a wrapper works" test "$("$work/elsewhere" /proc/self/exe)" = "$backends/llama-server"

mv "$work/lab" "$work/moved lab"
check "the folder can be moved, to a name with a space" \
  test "$("$work/moved lab/bin/llama-bench" /proc/self/comm)" = llama-bench
mv "$work/moved lab" "$work/lab"

# --- another llama-server --------------------------------------------------------------------------------------------

mkdir "$work/foreign"
cp /usr/bin/true "$work/foreign/llama-server"
check "a foreign llama-server on PATH is preferred" test -z "$(PATH=$work/foreign:$PATH "$tool" --bin-or-path)"
check "the lab's own on PATH is not foreign" test "$(PATH=$bin:$PATH "$tool" --bin-or-path)" = "$bin"
check "--exec puts the lab on PATH" test "$("$tool" --exec sh -c 'command -v llama-server')" = "$bin/llama-server"
PATH=$work/foreign:$PATH NIGHTWATT_LAB=$work/unneeded run_lab --if-needed
check "with a foreign one nothing is made, and that is said" test "$rc" -eq 0 -a ! -e "$work/unneeded" -a -n "$out"

# --- interrupted, twice at once --------------------------------------------------------------------------------------

export NIGHTWATT_LAB=$work/killed
"$tool" >/dev/null 2>&1 &
pid=$!
until [ -d "$work/killed/root.partial" ]; do sleep 0.01; done
kill -9 "$pid"
wait "$pid" 2>/dev/null || true
touch "$work/killed/root.partial/left-over" 2>/dev/null || true
check "killed half way, it is not taken for a lab" test ! -e "$work/killed/stamp"
run_lab
check "the next call makes it whole" test "$rc" -eq 0 -a -x "$work/killed/bin/llama-server" -a ! -e "$work/killed/root.partial" -a ! -e "$work/killed/root/left-over"

export NIGHTWATT_LAB=$work/twice
"$tool" >"$work/first.log" 2>&1 &
pid=$!
run_lab
printf '%s\n' "$out" >"$work/second.log"
both=0
wait "$pid" || both=1
check "two calls at once: both succeed, one does the work" \
  test "$rc$both" = 00 -a "$(cat "$work/first.log" "$work/second.log" | grep -c unpacking)" -eq 1

run_lab --clean
check "--clean removes it" test "$rc" -eq 0 -a ! -e "$work/twice"

# --- what can be missing ---------------------------------------------------------------------------------------------

export NIGHTWATT_LAB=$work/bad
NIGHTWATT_LAB_PACKAGES="tiny-engine no-such-engine" run_lab
check "a missing package is named" one_sentence 3 'there is no package no-such-engine'
NIGHTWATT_LAB_SUITES="gone newer" run_lab
check "the next suite is tried" test "$rc" -eq 0 -a "$(sed -n 2p "$work/bad/stamp")" = newer
NIGHTWATT_LAB_SUITES="gone lost" run_lab
check "no suite at all: both are named" one_sentence 3 'gone: .*lost: ' 3
check "a failed remake keeps the lab that was there" test -x "$work/bad/bin/llama-server"

export NIGHTWATT_LAB=$work/bad2
NIGHTWATT_MIRROR="http://127.0.0.1:9/debian" NIGHTWATT_LAB_SUITES="forky sid" run_lab
check "a mirror that cannot be reached: one sentence, one try" one_sentence 3 'cannot be reached' 2
NIGHTWATT_LAB=/proc/lab run_lab
check "a folder that cannot be made" one_sentence 3 'NIGHTWATT_LAB'
NIGHTWATT_LAB=$work/a:b run_lab
check "a name that the loader cannot take" one_sentence 3 'NIGHTWATT_LAB'
run_lab --no-such-option
check "an unknown option is a wrong command" test "$rc" -eq 2

if [ "$(id -u)" -eq 0 ]; then
  # Copied by root: the project may lie where nobody else can read it.
  mkdir "$work/nobody"
  cp -r "$project/tools" "$work/nobody/"
  chown -R 65534:65534 "$work/nobody"
  rc=0
  out=$(HOME=$work/nobody NIGHTWATT_LAB=$work/nobody/lab setpriv --reuid 65534 --regid 65534 --clear-groups \
    bash "$work/nobody/tools/lab" 2>&1) || rc=$?
  check "it needs no root" test "$rc" -eq 0 -a "$(stat -c %u "$work/nobody/lab/root" 2>/dev/null)" = 65534
fi

# --- the mirror that apt uses ----------------------------------------------------------------------------------------

codename=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-}") || true
if [ -n "$codename" ]; then
  unset NIGHTWATT_MIRROR
  mkdir "$work/sources.d"
  echo "Dir::Etc::sourcelist \"$work/sources.list\"; Dir::Etc::sourceparts \"$work/sources.d\";" >"$work/apt.conf"
  export APT_CONFIG=$work/apt.conf
  # Another publisher that uses the same code name comes first.
  echo "deb http://other.example/linux/debian $codename stable" >"$work/sources.list"
  printf 'Types: deb\nURIs: http://mirror.example/debian\nSuites: %s %s-updates\nComponents: main\n' "$codename" "$codename" \
    >"$work/sources.d/debian.sources"
  check "deb822: the mirror is Debian's" test "$("$tool" --print-mirror)" = http://mirror.example/debian
  rm "$work/sources.d/debian.sources"
  printf 'deb http://one.example/debian %s main\ndeb http://one.example/debian %s-updates main\n' "$codename" "$codename" \
    >>"$work/sources.list"
  check "one-line: the mirror is Debian's" test "$("$tool" --print-mirror)" = http://one.example/debian
  printf '# mirrors\nhttp://first.example/debian\n' >"$work/mirrors"
  printf 'deb mirror+file:%s %s main\ndeb mirror+file:%s %s-updates main\n' "$work/mirrors" "$codename" "$work/mirrors" "$codename" \
    >"$work/sources.list"
  check "a list of mirrors: its first" test "$("$tool" --print-mirror)" = http://first.example/debian
  : >"$work/sources.list"
  run_lab --print-mirror
  check "no Debian source at all" one_sentence 3 NIGHTWATT_MIRROR 1
  unset APT_CONFIG
fi

# --- tools/setup -----------------------------------------------------------------------------------------------------

rc=0
out=$("$project/tools/setup" no-such-group 2>&1) || rc=$?
check "setup: an unknown group is a wrong command" test "$rc" -eq 2
# A machine without dpkg: only the few programs that come before the question are on PATH.
mkdir "$work/path"
for program in bash env dirname readlink grep sed; do ln -s "$(command -v $program)" "$work/path/$program"; done
rc=0
out=$(PATH=$work/path bash "$project/tools/setup" lab 2>&1) || rc=$?
check "setup: another distribution gets the list" test "$rc" -eq 3 -a "$(grep -c NIGHTWATT_SETUP=skip <<<"$out")" -eq 1
# A machine with the other Boost, as dpkg-query would tell.
cat >"$work/path/dpkg-query" <<'END'
#!/bin/sh
case $* in *'libboost1.*-dev'*) echo 'libboost1.74-dev installed' ;; esac
END
ln -s "$(command -v head)" "$(command -v cat)" "$(command -v id)" "$work/path/"
printf '#!/bin/sh\necho called >>"%s/apt-called"\n' "$work" >"$work/path/apt-get"
chmod +x "$work/path/dpkg-query" "$work/path/apt-get"
rc=0
out=$(PATH=$work/path bash "$project/tools/setup" build 2>&1) || rc=$?
check "setup: the Boost that would have to go is named, and nothing is touched" \
  test "$rc" -eq 3 -a "$(grep -c 'conflicts with libboost1.74-dev' <<<"$out")" -eq 1 -a ! -e "$work/apt-called"

# --- the real one ----------------------------------------------------------------------------------------------------

unset NIGHTWATT_LAB_SUITES NIGHTWATT_LAB_PACKAGES
export NIGHTWATT_LAB=$real_lab
run_lab --check
if grep -q 'there is no lab' <<<"$out"; then
  echo "SKIP: no lab at $real_lab"
else
  check "the lab's llama-server starts" test "$rc" -eq 0
  check "it has Mesa's software device" grep -q 'Vulkan0: llvmpipe' <<<"$out"
  mkdir "$work/home"
  for port in 18431 18973 19427; do (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break; done
  HOME=$work/home XDG_RUNTIME_DIR=$work/home "$real_lab/bin/lemond" --host 127.0.0.1 --port "$port" --no-broadcast \
    >"$work/lemond.log" 2>&1 &
  pid=$!
  health=
  for _ in $(seq 100); do
    if { exec 5<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; then
      printf 'GET /api/v1/health HTTP/1.0\r\n\r\n' >&5
      health=$(timeout 5 cat <&5 || true)
      exec 5<&-
      break
    fi
    sleep 0.1
  done
  check "lemond answers at /api/v1/health" grep -q '"status":"ok"' <<<"$health"
  check "lemond runs under its own name" test "$(cat "/proc/$pid/comm" 2>/dev/null)" = lemond
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
fi

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
echo "all passed"
