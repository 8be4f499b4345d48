#!/usr/bin/env bash
# A training on two machines, started by torchrun (of the torch wheel; nothing of Python takes part in the training). Run it on
# both, with the number of the machine.
#
#   NODE=0 HEAD=10.0.0.1 Examples/Scaling/torchrun.sh coco.yaml runs/coco        on 10.0.0.1
#   NODE=1 HEAD=10.0.0.1 Examples/Scaling/torchrun.sh coco.yaml runs/coco        on the other
#
# The run's folder is on a file system that both see. After a failure torchrun starts all processes again, and --resume goes on
# from the last checkpoint. FVLM names the program, PROCESSES those of a machine (2), NODES the number of machines (2).
set -euo pipefail
torchrun --no-python --nnodes "${NODES:-2}" --node-rank "${NODE:-0}" --nproc-per-node "${PROCESSES:-2}" \
    --master-addr "${HEAD:-127.0.0.1}" --master-port "${PORT:-29500}" --max-restarts 3 \
    "${FVLM:-fvlm}" train "$1" --output "$2" --resume --device cpu
