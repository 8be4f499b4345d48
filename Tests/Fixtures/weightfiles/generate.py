"""Records weight files of every form that is read, and what is in them.

    python generate.py            (needs torch, numpy and safetensors)

Writes forms/*: the files, case.json (for every file: the names of its tensors in order, their types, shapes
and strides, and which share memory) and tensors.safetensors (the values, under "<file>/<name>").
"""

import collections
import io
import json
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).parent / "forms"
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int16, torch.int32,
          torch.int64, torch.uint8, torch.bool]

expected = {}
values = {}


def record(file, tensors, **more):
    """Notes the tensors, by name and in order, that `file` must be found to have."""
    entries = []
    storages = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, (np.ndarray, np.generic)):
            array = np.asarray(tensor)
            native = array.astype(array.dtype.newbyteorder("="))
            strides = [s // array.itemsize for s in array.strides] if array.size > 1 else None
            tensor = torch.from_numpy(np.array(native, order="C"))
            memory = None
        else:
            tensor = tensor.detach()
            strides = list(tensor.stride())
            memory = storages.setdefault(tensor.untyped_storage()._cdata, len(storages))
        entries.append({"name": name, "dtype": str(tensor.dtype).removeprefix("torch."),
                        "shape": list(tensor.shape), "strides": strides, "memory": memory})
        values[f"{file}/{name}"] = tensor.contiguous().clone()
    expected[file] = {"tensors": entries, **more}


def every_type():
    generator = torch.Generator().manual_seed(7)
    state = collections.OrderedDict()
    for dtype in DTYPES:
        x = torch.randn(2, 3, generator=generator) * 20
        state[f"layer.{str(dtype).removeprefix('torch.')}"] = (x > 0) if dtype == torch.bool else x.abs().to(dtype)
    return state


def state_dicts():
    state = every_type()
    torch.save(state, FOLDER / "state_dict.pt")
    record("state_dict.pt", state)
    torch.save(state, FOLDER / "protocol4.pt", pickle_protocol=4)
    record("protocol4.pt", state)
    torch.save(state, FOLDER / "legacy.pth", _use_new_zipfile_serialization=False)
    record("legacy.pth", state)

    base = torch.arange(24, dtype=torch.float32)
    views = {
        "whole": base, "matrix": base.view(4, 6), "transposed": base.view(4, 6).t(), "part": base[5:11],
        "every_second": base[1::2], "expanded": base[2:3].expand(3, 5), "scalar": base[7],
        "empty": torch.empty(0, 4), "parameter": torch.nn.Parameter(base.view(2, 12)),
        "channels_last": torch.arange(24.).view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
    }
    torch.save(views, FOLDER / "views.pt")
    record("views.pt", views)
    torch.save(views, FOLDER / "views_legacy.pth", _use_new_zipfile_serialization=False)
    record("views_legacy.pth", views)


def checkpoint():
    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.25)
    model(torch.randn(4, 3)).square().sum().backward()
    optimizer.step()
    tagged = torch.arange(3.0)
    tagged.note = "a tensor with an attribute is pickled in another way"
    whole = {
        "epoch": 12, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
        "scheduler": {"last_epoch": 12, "base_lrs": [0.25], "big": 1 << 40, "huge": 1 << 100, "negative": -5},
        "best": 0.125, "name": "é中", "done": True, "nothing": None, "size": torch.Size([2, 3]),
        "device": torch.device("cpu"), "dtype": torch.float16, "set": {1}, "raw": b"\x00\xff",
        "ema": [torch.ones(2), (torch.zeros(1),)], "tagged": tagged, "odd": {"complex": torch.ones(1, dtype=torch.complex64)},
    }
    torch.save(whole, FOLDER / "checkpoint.pth")
    tensors = {f"model.{k}": v for k, v in whole["model"].items()}
    for index, state in whole["optimizer"]["state"].items():
        tensors |= {f"optimizer.state.{index}.{k}": v for k, v in state.items()}
    tensors |= {"ema.0": whole["ema"][0], "ema.1.0": whole["ema"][1][0], "tagged": tagged}
    record("checkpoint.pth", tensors, unsupported=["odd.complex"])


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 1).half()
        self.norm = torch.nn.BatchNorm2d(3)

    def forward(self, x):
        return self.norm(self.conv(x))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.5))
        self.blocks = torch.nn.Sequential(Block(), Block())
        self.tied = self.blocks[0]
        self.register_buffer("ids", torch.arange(3))
        self.sizes = [1, 2]
        self.note = "text"

    def forward(self, x):
        return self.blocks(x) * self.scale


def torch_script():
    torch.manual_seed(5)
    model = torch.jit.script(Model())
    buffer = io.BytesIO()
    torch.jit.save(model, buffer)
    # Without the source map for debuggers, which is most of such an archive.
    source = zipfile.ZipFile(io.BytesIO(buffer.getvalue()))
    with zipfile.ZipFile(FOLDER / "script.pt", "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            if not entry.filename.endswith("debug_pkl"):
                target.writestr(zipfile.ZipInfo(entry.filename), source.read(entry))
    record("script.pt", dict(sorted(model.state_dict(keep_vars=True).items())), sorted=True)


class Unseekable(io.RawIOBase):
    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def zip_variants():
    state = {"a": torch.arange(40.0), "b": torch.ones(3, dtype=torch.bfloat16)}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    source = zipfile.ZipFile(io.BytesIO(buffer.getvalue()))
    records = {e.filename: source.read(e) for e in source.infolist()}

    def write(name, method, zip64=False, stream=False):
        with open(FOLDER / name, "wb") as file:
            target = zipfile.ZipFile(Unseekable(file) if stream else file, "w", method)
            for key, data in records.items():
                with target.open(zipfile.ZipInfo(key) if method == 0 else deflated(key), "w", force_zip64=zip64) as entry:
                    entry.write(data)
            target.comment = b"a comment" if stream else b""
            target.close()
        record(name, state)

    def deflated(key):
        info = zipfile.ZipInfo(key)
        info.compress_type = zipfile.ZIP_DEFLATED
        return info

    write("deflated.pt", zipfile.ZIP_DEFLATED)
    write("zip64.pt", zipfile.ZIP_STORED, zip64=True)
    write("streamed.pt", zipfile.ZIP_STORED, stream=True)


def numpy_pickles():
    generator = np.random.default_rng(11)
    arrays = {
        "float32": generator.standard_normal((2, 3)).astype("f4"),
        "float64": generator.standard_normal(4), "float16": generator.standard_normal(3).astype("f2"),
        "int8": np.array([-1, 2], "i1"), "int16": np.array([-1, 300], "i2"), "int32": np.array([[-70000]], "i4"),
        "int64": np.array([1 << 40]), "uint8": np.array([0, 255], "u1"), "bool": np.array([True, False]),
        "fortran": np.asfortranarray(generator.standard_normal((3, 2)).astype("f4")),
        "axes": generator.standard_normal((2, 3, 2)).astype("f4").transpose(1, 0, 2),
        "big_endian": np.array([1.5, -2.5, 3e10], ">f4"), "big_endian_int": np.array([1, -2], ">i8"),
        "scalar": np.float32(2.5), "zero_dim": np.array(7, "i4"), "empty": np.zeros((0, 4), "f4"),
    }
    for protocol in range(2, 6):
        name = f"protocol{protocol}.pkl"
        contents = {"model": arrays | {"same": arrays["float32"]}, "__author__": "nobody", "matching_heuristics": protocol == 4}
        (FOLDER / name).write_bytes(pickle.dumps(contents, protocol))
        flat = {k: v for k, v in contents["model"].items()}
        if protocol < 5:  # Written in C order with the axes lost.
            flat["axes"] = np.ascontiguousarray(flat["axes"])
        record(name, flat, author="nobody", matching_heuristics=protocol == 4)
    caffe2 = {"blobs": {"w": arrays["float32"], "b": arrays["big_endian"]}, "cfg": "text"}
    (FOLDER / "caffe2.pkl").write_bytes(pickle.dumps(caffe2, 2))
    record("caffe2.pkl", caffe2["blobs"], author="Caffe2", matching_heuristics=True)
    plain = {"w": arrays["float32"], "u": np.array([1], "u4")}
    (FOLDER / "plain.pkl").write_bytes(pickle.dumps(plain, 4))
    record("plain.pkl", {"w": plain["w"]}, unsupported=["u"])


def sharded():
    folder = FOLDER / "sharded"
    folder.mkdir(exist_ok=True)
    parts = [{"a": torch.arange(4.0), "c": torch.ones(2, dtype=torch.float16)}, {"b": torch.arange(3)}]
    for kind, names in [("model.safetensors", "model-{:05}-of-00002.safetensors"),
                        ("pytorch_model.bin", "pytorch_model-{:05}-of-00002.bin")]:
        mapping = {}
        for number, part in enumerate(parts, 1):
            file = names.format(number)
            (save_file if kind.endswith("tensors") else torch.save)(part, folder / file)
            mapping |= dict.fromkeys(part, file)
        index = {"metadata": {"total_size": 44}, "weight_map": {k: mapping[k] for k in "abc"}}
        (folder / f"{kind}.index.json").write_text(json.dumps(index))
        record(f"sharded/{kind}.index.json", {k: (parts[0] | parts[1])[k] for k in "abc"})
        for entry in expected[f"sharded/{kind}.index.json"]["tensors"]:
            entry["memory"] = None


def main():
    FOLDER.mkdir(exist_ok=True)
    state_dicts()
    checkpoint()
    torch_script()
    zip_variants()
    numpy_pickles()
    sharded()
    state = every_type()
    save_file(state, FOLDER / "plain.safetensors")
    record("plain.safetensors", dict(sorted(state.items())), sorted=True)
    for entry in expected["plain.safetensors"]["tensors"]:
        entry["memory"] = None
    save_file(values, FOLDER / "tensors.safetensors")
    case = {
        "group": "weightfiles", "case": "forms", "what": "weight files of every form, and their tensors",
        "reference": {"python": sys.version.split()[0], "torch": torch.__version__, "numpy": np.__version__},
        "tolerance": {"abs": 0, "rel": 0},
        "notes": ["memory: tensors of a file with the same number share a storage; null is not compared",
                  "sorted: the order of the tensors is not compared",
                  "strides null: not compared"],
        "expected": {"files": expected},
    }
    (FOLDER / "case.json").write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
