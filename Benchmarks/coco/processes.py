"""Times the scoring of two files as whole processes, from the start of the program to its end.

usage: processes.py FVLM DIR LIBRARY...

The programs take turns, so that other work on the machine affects all equally; the best of seven turns counts.
Prints one JSON object per program and kind of geometry.
"""

import json
import os
import subprocess
import sys
import time

program, folder, *libraries = sys.argv[1:]
peers = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers.py")


def commands(kind):
    files = ["-g", f"{folder}/gt.json", "-d", f"{folder}/dt.json"]
    # The peers compute the area of a mask from its box, like pycocotools.
    yield "swift-fvlm", [program, "score", *files, "--type", kind, "--json", "--pycocotools-compatible"]
    for library in libraries:
        yield library, [sys.executable, peers, folder, library, kind]


for kind in ("bbox", "segm"):
    best, stats = {}, {}
    for _ in range(7):
        for name, command in commands(kind):
            start = time.perf_counter()
            output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
            seconds = time.perf_counter() - start
            if not output:
                continue
            best[name] = min(seconds, best.get(name, seconds))
            stats[name] = json.loads(output)["stats"]
    for name, seconds in best.items():
        print(json.dumps({"name": name, "type": kind, "seconds": seconds, "stats": stats[name]}), flush=True)
