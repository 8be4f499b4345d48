#!/usr/bin/env python3
"""Pictures in shards, by a Spark cluster: each partition goes through a process of fvlm.

    MODEL=detector CLASSES=names.txt spark-submit Examples/Scaling/spark.py shards/*.tar --output all.jsonl

FVLM names the program, FVLM_OPTIONS more of its options. All machines see the archives and the detector by the same paths.
The lines come in the order of the archives, so that the file is that of one process.
"""
import argparse
import os
import shlex

from pyspark.sql import SparkSession


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("archives", nargs="+")
    parser.add_argument("--output", required=True)
    parser.add_argument("--partitions", type=int)
    parser.add_argument("--master", help="the cluster; local[2] if spark-submit says nothing")
    arguments = parser.parse_args()
    command = [os.environ.get("FVLM", "fvlm"), "detect", "-", "--model", os.environ["MODEL"], "--classes-file",
               os.environ["CLASSES"], "--json"] + shlex.split(os.environ.get("FVLM_OPTIONS", ""))
    builder = SparkSession.builder.appName("fvlm detect")
    if arguments.master or "SPARK_ENV_LOADED" not in os.environ:
        builder = builder.master(arguments.master or "local[2]")
    session = builder.getOrCreate()
    archives = session.sparkContext.parallelize(arguments.archives, arguments.partitions or len(arguments.archives))
    # A process that fails fails its partition, which Spark then tries again elsewhere.
    lines = archives.pipe(shlex.join(command), checkCode=True)
    with open(arguments.output + ".partial", "w", encoding="utf-8") as file:
        for line in lines.toLocalIterator():
            file.write(line + "\n")
    os.replace(arguments.output + ".partial", arguments.output)
    session.stop()


if __name__ == "__main__":
    main()
