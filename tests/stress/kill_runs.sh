#!/bin/bash
# Kills runs of nightwatt at random moments and looks at what is left: no process may survive, and what was measured
# must open again.
#
#   kill_runs.sh [-j JOBS] [-m MODEL] [-r EVERY] [-w SECONDS] PROGRAM ENGINES_DIR [N] [SEED]
#
# N runs (default 200) take turns in how they are ended:
#   A  SIGKILL to nightwatt alone
#   B  SIGKILL to nightwatt and its guard in one kill(1): the children of nightwatt named nightwatt-guard, or all of
#      its children if none has that name
#   C  SIGINT    D  SIGTERM
# at a moment between 0 and SECONDS (default 6) after the start. Each run has two backends: a plain one, and one that
# ignores SIGTERM and leaves a grandchild in a session of its own (fake_engine --double-fork). Which of them runs at
# that moment is up to the campaign's seed and the moment.
#
# A process belongs to a run if the run's tag is in its command line or its environment. The tag is the engines'
# --alias, part of the paths on nightwatt's command line, and a variable of its environment, so a guard that renames
# itself and a fork that never called exec are found too.
#
# Every EVERY-th run (default 9; an odd number meets all modes) is resumed to its end afterwards. MODEL is the file that
# the campaigns name; the default is a GGUF file without tensors. Exit status 1 if anything survived, could not be
# read, did not end, or did not even run; the folder with everything is then kept and named.
set -euo pipefail

readonly SETTLE_S=5     # until nothing of a killed run may be left
readonly END_S=15       # until nightwatt must have ended after SIGINT or SIGTERM
readonly RESUME_S=180   # for a resumed run
jobs=2 model='' every=9 window_s=6

usage() {
  sed -n '5s/^# *//p' "$0" >&2
  exit 2
}
while getopts 'j:m:r:w:' flag; do
  case $flag in
    j) jobs=$OPTARG ;;
    m) model=$OPTARG ;;
    r) every=$OPTARG ;;
    w) window_s=$OPTARG ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[[ $# -ge 2 && $# -le 4 ]] || usage
program=$(realpath -e -- "$1")
engine=$(realpath -e -- "$2/fake_engine")
runs=${3:-200}
seed=${4:-1}
for count in "$jobs" "$every" "$window_s" "$runs" "$seed"; do
  [[ $count =~ ^[0-9]{1,6}$ ]] || usage
done
((jobs > 0 && every > 0 && runs > 0)) || usage

umask 077 # nightwatt refuses a campaign that others can write
work=$(mktemp -d "${TMPDIR:-/tmp}/kill_runs.XXXXXX")
readonly prefix="nwkill-$$-"
mkdir "$work/results"
if [[ -z $model ]]; then
  model=$work/empty.gguf
  printf 'GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >"$model"
fi
model=$(realpath -e -- "$model")

# tagged TAG: the processes of a run, one id per line. Builtins only: a grep would find its own command line.
tagged() {
  local folder words pid
  for folder in /proc/[0-9]*; do
    pid=${folder#/proc/}
    words=()
    { mapfile -d '' -t words <"$folder/cmdline"; } 2>/dev/null || continue
    # Without a command line: a kernel thread, a zombie.
    ((${#words[@]})) || continue
    if [[ "${words[*]}" != *"$1"* ]]; then
      { mapfile -d '' -t words <"$folder/environ"; } 2>/dev/null || continue
      [[ "${words[*]-}" == *"NIGHTWATT_KILL_TAG=$1"* ]] || continue
    fi
    echo "$pid"
  done
}

name_of() {
  local name=''
  { read -r name <"/proc/$1/comm"; } 2>/dev/null || true
  echo "$name"
}

# children_of PID: from the fourth field of each stat, which follows a name that may hold anything but ") ".
children_of() {
  local folder line rest
  for folder in /proc/[0-9]*; do
    { read -r line <"$folder/stat"; } 2>/dev/null || continue
    rest=${line##*) }
    rest=${rest#* }
    [[ ${rest%% *} != "$1" ]] || echo "${folder#/proc/}"
  done
}

guards_of() {
  local child children named=()
  mapfile -t children < <(children_of "$1")
  for child in "${children[@]}"; do
    [[ $(name_of "$child") != nightwatt-guard ]] || named+=("$child")
  done
  if ((${#named[@]})); then printf '%s\n' "${named[@]}"; else printf '%s\n' "${children[@]}"; fi
}

# wait_gone TAG SECONDS: the processes that are left then; none is what everybody hopes for.
wait_gone() {
  local end=$((SECONDS + $2)) left
  while left=$(tagged "$1") && [[ -n $left ]]; do
    ((SECONDS <= end)) || break
    sleep 0.05
  done
  echo "$left"
}

# Whatever has the tag was started from here, and its id was read a moment ago.
end_tagged() {
  local pids
  mapfile -t pids < <(tagged "$1")
  ((!${#pids[@]})) || kill -9 "${pids[@]}" 2>/dev/null || true
}
# shellcheck disable=SC2317 # called by the trap
give_up() {
  trap - INT TERM
  local own
  mapfile -t own < <(jobs -rp)
  ((!${#own[@]})) || kill "${own[@]}" 2>/dev/null || true
  end_tagged "$prefix"
  echo "kill_runs: interrupted; see $work" >&2
  exit 130
}
trap give_up INT TERM

write_campaign() {
  local folder=$1 tag=$2 campaign_seed=$3
  local common="\"--port\", \"{port}\", \"-m\", \"{model}\", \"--alias\", \"$tag\", \"--ready-after\", \"0.2\", \
\"--prefill-rate\", \"200\", \"--decode-rate\", \"50\", \"--max-life\", \"240\""
  cat >"$folder/campaign.toml" <<END
model = "$model"

[rounds]
order = ["throughput", "idle"]
restarts = 2
idle_states = ["absent", "loaded_unused", "loaded_idle"]
idle_window_s = 2
seed = $campaign_seed

[workload]
prompt = [8]
generate = [4]

[[backend]]
name = "plain"
engine = "llama-server"
command = ["$engine", $common]

[[backend]]
name = "orphans"
engine = "llama-server"
command = ["$engine", $common, "--double-fork", "--ignore-term"]
END
}

# complain FOLDER TEXT: for the person, and for the result.
complain() {
  echo "kill_runs: run ${1##*-}: $2 ($1)" >&2
  echo "$2" >>"$1/complaints"
}

kill_run() { # MODE PID
  case $1 in
    A) kill -9 "$2" ;;
    B)
      local guards
      mapfile -t guards < <(guards_of "$2")
      kill -9 "$2" "${guards[@]}"
      ;;
    C) kill -INT "$2" ;;
    D) kill -TERM "$2" ;;
  esac
}

# What was there when the run was killed: a run that is always killed before its backends proves nothing.
census() { # TAG
  local pid seen=''
  for pid in $(tagged "$1"); do
    case $(name_of "$pid") in
      fake_engine) seen+=e ;;
      fake_orphan) seen+=o ;;
    esac
  done
  echo "$seen"
}

await_end() { # PID FOLDER: after a request to end; the status goes to FOLDER/status
  local end=$((SECONDS + END_S)) status=0
  while kill -0 "$1" 2>/dev/null && ((SECONDS <= end)); do sleep 0.05; done
  if kill -0 "$1" 2>/dev/null; then
    complain "$2" "had not ended $END_S s after the signal"
    kill -9 "$1"
  fi
  wait "$1" || status=$?
  echo "$status" >"$2/status"
}

# check_store FOLDER: echoes ok, nothing (it opens, and nothing valid was measured yet), none (there is no run yet, said
# in a sentence) or bad.
check_store() {
  local status=0 lines
  "$program" report "$1/run" --format json >"$1/report.json" 2>"$1/report.err" </dev/null || status=$?
  lines=$(grep -vc '^hint: ' "$1/report.err" || true)
  if ((status <= 1 && lines == 0)) && [[ $(head -c1 "$1/report.json")$(tail -c2 "$1/report.json") == '{}' ]]; then
    if ((status)); then echo nothing; else echo ok; fi
  elif ((status == 3 && lines == 1)) && grep -q '^nightwatt: ' "$1/report.err"; then
    echo none
  else
    complain "$1" "report ended with $status: $(head -n1 "$1/report.err")"
    echo bad
  fi
}

# resume FOLDER TAG: echoes ok or bad.
resume() {
  local status=0 left
  NIGHTWATT_KILL_TAG=$2 timeout --kill-after=5 "$RESUME_S" "$program" run "$1/campaign.toml" --out "$1/run" --resume \
    >"$1/resume.out" 2>"$1/resume.err" </dev/null || status=$?
  left=$(wait_gone "$2" "$SETTLE_S")
  # Runs in parallel spoil each other's windows: a resumed run that is done, but has nothing valid, is a resumed run.
  if ((status == 1)) && grep -q '^nightwatt: nothing valid was measured' "$1/resume.err"; then status=0; fi
  if ((status != 0)); then
    complain "$1" "the resumed run ended with $status: $(head -n1 "$1/resume.err")"
    echo bad
  elif [[ -n $left ]]; then
    complain "$1" "the resumed run left $(wc -w <<<"$left") processes"
    end_tagged "$2"
    echo bad
  elif [[ $(check_store "$1") != ok ]]; then
    complain "$1" 'the report of the resumed run has nothing valid'
    echo bad
  else
    echo ok
  fi
}

# One run, from campaign to result: "mode survivors store resumed broken seen" in results/INDEX.
one_run() {
  # Of one length, because tags are looked for in command lines: …-1 would be found in …-14 too.
  local index=$1 mode=$2 tag
  tag=$prefix$(printf %05d "$1")
  local folder=$work/$tag delay_ms pid seen='' status=0 survivors=0 store resumed=- broken=0 left
  RANDOM=$(((seed * 7919 + index) % 32768))
  delay_ms=$(((RANDOM * 32768 + RANDOM) % (window_s * 1000 + 1)))
  mkdir "$folder"
  write_campaign "$folder" "$tag" $((seed + index))
  # A shell without job control starts its background jobs with SIGINT ignored.
  env --default-signal=INT,QUIT NIGHTWATT_KILL_TAG="$tag" "$program" run "$folder/campaign.toml" --out "$folder/run" \
    >"$folder/out" 2>"$folder/err" </dev/null &
  pid=$!
  sleep "$((delay_ms / 1000)).$(printf %03d $((delay_ms % 1000)))"
  seen=$(census "$tag")
  if kill -0 "$pid" 2>/dev/null && kill_run "$mode" "$pid" 2>/dev/null; then
    if [[ $mode == [AB] ]]; then
      wait "$pid" 2>/dev/null || status=$?
    else
      await_end "$pid" "$folder"
      status=$(<"$folder/status")
      # 143: it came before nightwatt had a handler.
      [[ $status == 130 || ($mode == D && $status == 143) ]] || complain "$folder" "ended with $status, not 130"
    fi
  else
    wait "$pid" || status=$?
    ((status == 0)) || complain "$folder" "ended by itself with $status: $(head -n1 "$folder/err")"
  fi
  left=$(wait_gone "$tag" "$SETTLE_S")
  for pid in $left; do
    survivors=$((survivors + 1))
    complain "$folder" "mode $mode after $delay_ms ms: process $pid ($(name_of "$pid")) survived"
  done
  end_tagged "$tag"
  store=$(check_store "$folder")
  if ((index % every == 0)) && [[ $store == ok || $store == nothing ]]; then resumed=$(resume "$folder" "$tag"); fi
  [[ ! -e $folder/complaints ]] || broken=1
  echo "$mode $survivors $store $resumed $broken ${seen:--}" >"$work/results/$index"
  ((broken)) || rm -r "$folder"
}

# The results as a table; status 1 if any of them is bad.
judge() {
  cat "$work"/results/* | awk -v wanted="$runs" '
    BEGIN {
      name["A"] = "A  SIGKILL to nightwatt"; name["B"] = "B  SIGKILL to it and its guard"
      name["C"] = "C  SIGINT"; name["D"] = "D  SIGTERM"
      format = "%-32s %6s %8s %8s %10s %11s %7s %8s %7s\n"
      printf format, "mode", "runs", "backend", "orphan", "survivors", "unreadable", "no run", "resumed", "broken"
    }
    {
      runs[$1]++; survivors[$1] += $2; bad[$1] += $3 == "bad"; none[$1] += $3 == "none"; resumed[$1] += $4 == "ok"
      broken[$1] += $5; engine[$1] += $6 ~ /e/; orphan[$1] += $6 ~ /o/
    }
    END {
      for (m = 1; m <= 4; m++) {
        c = substr("ABCD", m, 1)
        printf format, name[c], +runs[c], +engine[c], +orphan[c], +survivors[c], +bad[c], +none[c], +resumed[c],
               +broken[c]
        seen += orphan[c]; failures += broken[c]
      }
      if (NR != wanted) print "kill_runs: only " NR " of " wanted " runs came to a result"
      # A few runs may all have met the plain backend, or none.
      vacuous = wanted >= 20 && !seen
      if (vacuous) print "kill_runs: no run was killed while an orphan was there: this proved nothing"
      exit failures || NR != wanted || vacuous
    }'
}

main() {
  local index
  local -r modes=ABCD
  for ((index = 1; index <= runs; ++index)); do
    while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
    one_run "$index" "${modes:$((index % 4)):1}" &
    if ((index % 20 == 0)); then echo "kill_runs: $index of $runs started, $SECONDS s" >&2; fi
  done
  wait
  if ! judge; then
    echo "kill_runs: failed; everything is in $work" >&2
    exit 1
  fi
  rm -r "$work"
  echo "kill_runs: $runs runs with seed $seed in $SECONDS s: nothing survived, every store opened"
}
main
