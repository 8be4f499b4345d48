"""Times other implementations of the COCO evaluation on the same files.

usage: peers.py DIR LIBRARY [TYPE]

Prints one JSON object per kind of geometry, or that the library is not installed. The time covers reading
both files and scoring, after the import; it is the best of the runs that fit into a few seconds. With TYPE (bbox or segm)
that geometry is scored once, for timing the whole process.
"""

import contextlib
import io
import json
import sys
import time

folder, library = sys.argv[1:3]
try:
    if library == "hotcoco":
        from hotcoco import COCO, COCOeval
    elif library == "ultrafast-pycocotools":
        from ultrafast_pycocotools import COCO, COCOeval
    elif library == "faster-coco-eval":
        from faster_coco_eval import COCO, COCOeval_faster as COCOeval
    else:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
except ImportError:
    print(f"{library}: not installed for {sys.executable}; not measured", file=sys.stderr)
    sys.exit(0)


def run(kind):
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(f"{folder}/gt.json")
        load = truth.load_res if library == "hotcoco" else truth.loadRes
        evaluation = COCOeval(truth, load(f"{folder}/dt.json"), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return time.perf_counter() - start, [float(value) for value in evaluation.stats]


for kind in sys.argv[3:4] or ("bbox", "segm"):
    runs = [run(kind)]
    while not sys.argv[3:] and len(runs) < 5 and sum(seconds for seconds, _ in runs) < 4:
        runs.append(run(kind))
    print(json.dumps({"name": library, "type": kind, "seconds": min(runs)[0], "stats": runs[0][1]}), flush=True)
