"""Unpacks the C++ headers and libraries of a torch wheel, checking every file against the wheel's RECORD.

usage: unpack_wheel.py WHEEL DESTINATION

DESTINATION appears in one step, when all files are there and right.
"""

import base64
import csv
import hashlib
import io
import os
import shutil
import sys
import zipfile

SKIPPED = ("libtorch_python", "libshm", "libtorchbind_test", "libjitbackend_test", "libbackend_with_compiler",
           "libaoti_custom_ops")


def is_wanted(name):
    if name.startswith(("torch/include/", "torch.libs/", "torch/.dylibs/")) or name.endswith("licenses/LICENSE"):
        return True
    return name.startswith("torch/lib/") and not os.path.basename(name).startswith(SKIPPED) and "/libshm" not in name


def main(wheel, destination):
    partial = destination + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        record_name = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        record = io.StringIO(archive.read(record_name).decode())
        digests = {row[0]: row[1] for row in csv.reader(record) if row}
        for name in filter(is_wanted, archive.namelist()):
            path = os.path.join(partial, name)
            if name.endswith("/"):
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            algorithm, _, expected = digests[name].partition("=")
            digest = hashlib.new(algorithm)
            with archive.open(name) as source, open(path, "wb") as target:
                while chunk := source.read(1 << 20):
                    digest.update(chunk)
                    target.write(chunk)
            actual = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
            if actual != expected:
                sys.exit(f"setup: {name} in {wheel} does not have the recorded hash: delete the wheel and run again")
    shutil.rmtree(destination, ignore_errors=True)
    os.rename(partial, destination)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (zipfile.BadZipFile, StopIteration, KeyError, OSError) as problem:
        sys.exit(f"setup: cannot unpack {sys.argv[1]} ({problem!r}): delete it and run again")
