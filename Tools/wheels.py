"""Extracts libraries and headers from Python wheels for set-up, and nothing of Python.

usage: wheels.py build WHEEL                      prints cpu or cuda, the build of the torch wheel
       wheels.py requirements WHEEL cpu|cuda      prints the wheels whose libraries a program with this libtorch needs
       wheels.py unpack DESTINATION cpu|cuda WHEEL...

`unpack` checks every file against its wheel's RECORD. DESTINATION is created in one step, when all files are present and
correct.
"""

import base64
import csv
import errno
import hashlib
import io
import os
import re
import shutil
import sys
import zipfile

# The Python side of libtorch, and libraries that only its own tests use.
NEVER = ("libtorch_python", "libshm", "libtorchbind_test", "libjitbackend_test", "libbackend_with_compiler",
         "libaoti_custom_ops", "libtorch_global_deps")
# Libraries that a CPU-only program does not need: nothing in libtorch_cpu links against them.
CUDA_ONLY = ("libtorch_cuda", "libc10_cuda", "libtorch_nvshmem", "libcaffe2_nvrtc", "libtorch.so")
# The parts of the CUDA toolkit that libtorch_cpu itself links against, for its profiler.
PROFILER_PARTS = ("cudart", "cupti")
# Parts that no library of torch links against.
UNUSED_PARTS = ("nvtx",)


def record(archive):
    name = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    return {row[0]: row[1] for row in csv.reader(io.StringIO(archive.read(name).decode())) if row}


def build(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return "cuda" if any("libtorch_cuda." in name for name in archive.namelist()) else "cpu"


def requirements(wheel, wanted):
    """Requirements in pip's format, from the wheel's metadata: the exact versions torch was built with."""
    if build(wheel) == "cpu":
        return []
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().split("\n\n")[0].splitlines()
    result = []
    for line in lines:
        field = re.fullmatch(r"Requires-Dist: *([\w.-]+)(?:\[([\w,-]+)\])? *\(?([<>=!~][^;()]*?)\)?(?: *;.*)?", line)
        if not field or "extra ==" in line:
            continue
        package, parts, version = field.groups()
        if package == "cuda-toolkit" and parts:
            chosen = [part for part in parts.split(",")
                      if part not in UNUSED_PARTS and (wanted == "cuda" or part in PROFILER_PARTS)]
            result.append(f"{package}[{','.join(chosen)}]{version}")
        elif package.startswith("nvidia-"):
            # Until CUDA 12, each part of the toolkit is a separate requirement.
            profiler = "cuda-runtime" in package or "cuda-cupti" in package
            unused = "nvtx" in package
            if not unused and (wanted == "cuda" or profiler):
                result.append(package + version)
    return result


def is_wanted(name, wanted):
    base = os.path.basename(name)
    if name.endswith("/"):
        return False
    if "licenses/" in name or (name.count("/") == 1 and base.lower().startswith("license")):
        return ".dist-info/" in name
    if name.startswith("nvidia/"):
        return ".so" in base and "/lib/" in name
    if name.startswith(("torch/include/", "torch.libs/", "torch/.dylibs/")):
        return True
    if not name.startswith("torch/lib/") or base.startswith(NEVER) or "/libshm" in name:
        return False
    return wanted == "cuda" or not base.startswith(CUDA_ONLY)


def unpack(destination, wanted, *wheels):
    partial = destination + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    for wheel in wheels:
        try:
            with zipfile.ZipFile(wheel) as archive:
                digests = record(archive)
                for name in archive.namelist():
                    if is_wanted(name, wanted):
                        copy(archive, name, digests[name], os.path.join(partial, name), wheel)
        except (zipfile.BadZipFile, StopIteration, KeyError) as problem:
            sys.exit(f"setup: {wheel} is damaged ({problem!r}): delete it and run again")
    shutil.rmtree(destination, ignore_errors=True)
    os.rename(partial, destination)


def copy(archive, name, expected, path, wheel):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    algorithm, _, expected = expected.partition("=")
    digest = hashlib.new(algorithm)
    with archive.open(name) as source, open(path, "wb") as target:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
            target.write(chunk)
    actual = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    if actual != expected:
        sys.exit(f"setup: {name} in {wheel} does not have the recorded hash: delete the wheel and run again")


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    try:
        if command == "unpack":
            unpack(*arguments)
        else:
            answer = {"build": build, "requirements": requirements}[command](*arguments)
            print(answer if isinstance(answer, str) else "\n".join(answer))
    except zipfile.BadZipFile as problem:
        sys.exit(f"setup: {arguments[0]} is damaged ({problem}): delete it and run again")
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            sys.exit(f"setup: the disk of {arguments[0]} is full: make room and run again")
        sys.exit(f"setup: {problem.filename or arguments[0]}: {problem.strerror}")
