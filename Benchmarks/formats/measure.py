#!/usr/bin/env python3
"""Times conversions of a large annotation file; see run."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time
import zlib

program, annotations, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
# Nothing is removed on the way: for minutes ext4 avoids the inodes of removed files, and makes new ones slowly.
if folder.exists():
    sys.exit(f"{folder}: remains of an earlier run; remove it, and wait some minutes")
folder.mkdir(parents=True)


def size(path):
    """The bytes of a file, or of all files below a folder without pictures."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())


def convert(name, source, target, *options):
    """Converts and prints a row. Only a file is written over."""
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
        f"{name:32} {seconds:6.1f} s  {usage.ru_utime + usage.ru_stime:6.1f} s of processor"
        f"  {usage.ru_maxrss / 1024:7.0f} MB  {usage.ru_maxrss * 1024 / read:5.2f} x"
        f"  ({read / 1e6:.0f} MB read, {size(target) / 1e6:.0f} MB written)", flush=True)


def pictures(path):
    """A picture of the stated size under every name, for formats that state no sizes."""
    if path.is_dir():
        return
    path.mkdir()
    rows = b"".join(b"\0" + bytes(640) for _ in range(480))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 640, 480, 8, 0, 0, 0, 0))
    png += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    # By another process: a program that this one starts would be charged with this one's memory.
    names = json.loads(subprocess.run(
        [sys.executable, "-c", "import json, sys; print(json.dumps([image['file_name'] for image in json.load(open("
         "sys.argv[1]))['images']]))", annotations], check=True, capture_output=True).stdout)
    for number, name in enumerate(names):
        # A file can have some ten thousand names.
        if number % 30000 == 0:
            first = path / name
            first.write_bytes(png)
        else:
            os.link(first, path / name)


forms = [("CVAT", "cvat", "xml"), ("Label Studio", "labelstudio", "json"), ("VIA", "via", "json"), ("LVIS", "lvis", "json")]
convert("COCO to COCO, outlines", annotations, folder / "coco.json")
for title, form, suffix in forms:
    file = folder / f"outlines-{form}.{suffix}"
    convert(f"COCO to {title}, outlines", annotations, file, "--to", form)
    convert(f"{title} to COCO, outlines", file, folder / "back.json")
    file.unlink()
convert("COCO to YOLO, outlines", annotations, folder / "yolo", "--to", "yolo", "--type", "segm")
convert("COCO to VOC, boxes", annotations, folder / "voc", "--to", "voc")
boxes = folder / "boxes.json"
convert("VOC to COCO, boxes", folder / "voc", boxes)
for title, form, suffix in forms:
    file = folder / f"boxes-{form}.{suffix}"
    convert(f"COCO to {title}, boxes", boxes, file, "--to", form)
    convert(f"{title} to COCO, boxes", file, folder / "back.json")
    file.unlink()
convert("COCO to FiftyOne, boxes", boxes, folder / "fiftyone", "--to", "fiftyone")
convert("FiftyOne to COCO, boxes", folder / "fiftyone", folder / "back.json")
convert("COCO to Open Images, boxes", boxes, folder / "openimages", "--to", "openimages")
pictures(folder / "pictures")
convert("Open Images to COCO, boxes *", folder / "openimages", folder / "back.json", "--images", folder / "pictures")
print("* with the sizes of 118,287 pictures, which the format does not state")
shutil.rmtree(folder)
