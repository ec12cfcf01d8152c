#!/usr/bin/env bash
# How fast is `nightwatt model synth` beside the disk itself? In each round, dd writes a copy of the same bytes with
# conv=fsync, then synth writes its file, on the same disk, in turn (the order alternates), because a shared disk
# changes its mind from minute to minute. dd reads its copy from memory (/dev/shm) rather than zeros from /dev/zero:
# virtual disks write zeros over zeros several times faster than data. Prints one line per round and the median ratio;
# the aim is 0.70 or more. The last column is the largest resident memory of synth, which must stay below 100 MB.
#
#   bench/model_write.sh [PROGRAM (build/release/nightwatt)] [SHAPE (small-qwen3moe)] [ROUNDS (5)] [DIRECTORY (.)]
set -euo pipefail

program=${1:-$(dirname "$0")/../build/release/nightwatt}
shape=${2:-small-qwen3moe}
rounds=${3:-5}
folder=$(mktemp -d "${4:-.}/model-write.XXXXXX")
source=$(mktemp /dev/shm/model-write.XXXXXX)
trap 'rm -rf "$folder" "$source"' EXIT
export LC_ALL=C

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { print b - a }'; }

write_with_dd() {
  sync
  local start
  start=$(now)
  dd if="$source" of="$folder/dd" bs=4M conv=fsync status=none
  dd_seconds=$(since "$start")
  rm "$folder/dd"
}

# The memory is asked of the kernel while it runs: the peak of a process only grows.
write_with_synth() {
  sync
  local start pid seen
  start=$(now)
  "$program" model synth --shape "$shape" --quant Q4_K_M -o "$folder/model.gguf" > /dev/null 2>&1 &
  pid=$!
  while seen=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2> /dev/null) && [ -n "$seen" ]; do
    peak_kb=$seen
    sleep 0.02
  done
  wait "$pid"
  synth_seconds=$(since "$start")
  bytes=$(stat -c %s "$folder/model.gguf")
}

peak_kb=0
bytes=0
write_with_synth # not counted
cp "$folder/model.gguf" "$source"
rm "$folder/model.gguf"
echo "$shape Q4_K_M, $((bytes / 1000000)) MB per file"
echo "round  dd MB/s  synth MB/s  ratio  memory MB"
ratios=()
for ((round = 1; round <= rounds; ++round)); do
  if ((round % 2)); then write_with_dd && write_with_synth; else write_with_synth && write_with_dd; fi
  rm "$folder/model.gguf"
  ratio=$(awk -v d="$dd_seconds" -v s="$synth_seconds" 'BEGIN { printf "%.2f", d / s }')
  awk -v r="$round" -v b="$bytes" -v d="$dd_seconds" -v s="$synth_seconds" -v q="$ratio" -v m="$peak_kb" \
    'BEGIN { printf "%5d  %7.0f  %10.0f  %5s  %9.1f\n", r, b / d / 1e6, b / s / 1e6, q, m / 1024 }'
  ratios+=("$ratio")
done
printf '%s\n' "${ratios[@]}" | sort -n | awk '{ v[NR] = $1 } END { print "median ratio to dd conv=fsync:", v[int((NR + 1) / 2)] }'
