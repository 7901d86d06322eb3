#!/bin/sh
# One model, its structures shared by the jobs of an array; no scheduler but SLURM:
#   MODEL=model.py:make sbatch slurm_array.sh
# A job that is requeued goes on where it was ended.  At last:
#   physcheck merge 1.json 2.json 3.json 4.json -o all.json
#SBATCH --array=1-4 --requeue --time=1:00:00 --gres=gpu:1
set -eu
i=$SLURM_ARRAY_TASK_ID
pytest --pyargs physcheck.suite --physcheck-only --physcheck-model="$MODEL" \
    --physcheck-budget=standard --physcheck-shard="$i/4" \
    --physcheck-json="$i.json" --physcheck-resume="$i.json"
