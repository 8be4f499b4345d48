"""Times the error analysis and the confusion matrix of other implementations on the same files.

usage: analysis.py DIR LIBRARY

Prints one JSON object a kind of geometry and analysis, or that the library is not installed. Files are read, and by hotcoco
grouped by picture, before the time begins, but in the row that says otherwise.
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
    else:
        from tidecv import TIDE, datasets
except ImportError:
    print(f"{library}: not installed for {sys.executable}; not measured", file=sys.stderr)
    sys.exit(0)

kinds = ["Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"]


def show(kind, what, seconds, stats):
    print(json.dumps({"name": library, "type": f"{kind} {what}", "seconds": seconds, "stats": stats}), flush=True)


def best(body):
    values = []
    while len(values) < 5 and sum(values) < 4:
        start = time.perf_counter()
        body()
        values.append(time.perf_counter() - start)
    return min(values)


for kind in ("bbox", "segm"):
    result = {}
    with contextlib.redirect_stdout(io.StringIO()):
        if library == "hotcoco":
            truth = COCO(f"{folder}/gt.json")
            found = truth.load_res(f"{folder}/dt.json")

            # Everything from the files' contents on, as the others compute it.
            def analyse(errors, confusion):
                evaluation = COCOeval(truth, found, kind)
                if errors:
                    evaluation.evaluate()
                    result.update(evaluation.tide_errors()["delta_ap"])
                if confusion:
                    evaluation.confusion_matrix()

            errors, confusion = best(lambda: analyse(True, False)), best(lambda: analyse(False, True))
            both, scale = best(lambda: analyse(True, True)), 100

            # Files are grouped by picture while they are read.
            def read():
                truth = COCO(f"{folder}/gt.json")
                COCOeval(truth, truth.load_res(f"{folder}/dt.json"), kind).confusion_matrix()

            whole = best(read)
        else:
            truth, found = datasets.COCO(f"{folder}/gt.json"), datasets.COCOResult(f"{folder}/dt.json")

            def run():
                tide = TIDE()
                tide.evaluate(truth, found, mode=TIDE.BOX if kind == "bbox" else TIDE.MASK)
                result.update(next(iter(tide.get_main_errors().values())))

            errors, confusion, scale = best(run), None, 1
    show(kind, "errors", errors, [scale * result[name] for name in kinds])
    if confusion is not None:
        show(kind, "confusion", confusion, [])
        show(kind, "both", both, [])
        show(kind, "confusion, files read", whole, [])
