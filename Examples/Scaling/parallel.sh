#!/usr/bin/env bash
# Pictures in shards, by processes of this machine (GNU parallel).
#
#   MODEL=detector CLASSES=names.txt Examples/Scaling/parallel.sh 'shards/{000000..000999}.tar' found all.jsonl
#
# FVLM names the program, FVLM_OPTIONS more of its options, PROCESSES the number of processes (2). Run again, it does what is left.
set -euo pipefail
pictures=$1 folder=$2 output=$3
program=${FVLM:-fvlm} processes=${PROCESSES:-2}
# shellcheck disable=SC2086
seq 0 $((processes - 1)) | parallel --halt soon,fail=1 -j "$processes" \
    "$program" detect "'$pictures'" --model "$MODEL" --classes-file "$CLASSES" ${FVLM_OPTIONS:-} \
    --into "$folder" --shard "{}/$processes"
"$program" merge-results "$folder" --output "$output"
