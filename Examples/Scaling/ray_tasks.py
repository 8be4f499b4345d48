#!/usr/bin/env python3
"""Pictures in shards, by a Ray cluster: each task is a process of fvlm with its share of the shards.

    MODEL=detector CLASSES=names.txt python3 Examples/Scaling/ray_tasks.py 'shards/{000000..000999}.tar' --into found

FVLM names the program, FVLM_OPTIONS more of its options. Ray starts a task that failed again; finished shards are skipped.
"""
import argparse
import os
import shlex
import subprocess

import ray


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures")
    parser.add_argument("--into", required=True)
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=1, help="processors of a task")
    arguments = parser.parse_args()
    command = [os.environ.get("FVLM", "fvlm"), "detect", arguments.pictures, "--model", os.environ["MODEL"],
               "--classes-file", os.environ["CLASSES"], "--into", arguments.into] \
        + shlex.split(os.environ.get("FVLM_OPTIONS", ""))
    ray.init()

    @ray.remote(num_cpus=arguments.cpus, max_retries=3, retry_exceptions=True)
    def share(number):
        subprocess.run(command + ["--shard", f"{number}/{arguments.tasks}"], check=True)

    ray.get([share.remote(number) for number in range(arguments.tasks)])


if __name__ == "__main__":
    main()
