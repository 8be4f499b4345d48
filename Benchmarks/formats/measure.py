#!/usr/bin/env python3
"""Times conversions of a large annotation file; see run."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

program, annotations, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)


def size(path):
    """The bytes of a file, or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def convert(name, source, target, *options):
    """Converts and prints a row."""
    if target.is_dir():
        shutil.rmtree(target)
    start = time.monotonic()
    process = subprocess.Popen(
        [program, "convert-dataset", source, target, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    notes = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"{name}: {notes}")
    read = size(source)
    print(
        f"{name:24} {seconds:6.1f} s  {usage.ru_maxrss / 1024:7.0f} MB  {usage.ru_maxrss * 1024 / read:5.2f} x"
        f"  ({read / 1e6:.0f} MB read, {size(target) / 1e6:.0f} MB written)", flush=True)


boxes = folder / "boxes.xml"
outlines = folder / "outlines.xml"
yolo, voc = folder / "yolo", folder / "voc"
convert("COCO to YOLO, boxes", annotations, yolo, "--to", "yolo")
convert("COCO to YOLO, outlines", annotations, folder / "yolo-segm", "--to", "yolo", "--type", "segm")
convert("COCO to VOC", annotations, voc, "--to", "voc")
convert("COCO to CVAT", annotations, outlines)
convert("CVAT to COCO", outlines, folder / "back.json")
convert("VOC to COCO", voc, folder / "voc.json")
convert("COCO, boxes, to CVAT", folder / "voc.json", boxes)
convert("CVAT, boxes, to COCO", boxes, folder / "boxes.json")
convert("COCO to Label Studio", folder / "voc.json", folder / "tasks.json", "--to", "labelstudio")
convert("Label Studio to COCO", folder / "tasks.json", folder / "tasks-back.json")
