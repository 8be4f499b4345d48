"""Records the values of the group `torch` with PyTorch 2.13: operators, layers, optimisers, schedules, initialisers.

usage: python record.py            (needs torch and safetensors; writes the case folders beside this file)

Every operator case stores its inputs `in.<name>.<i>`, results `out.<name>.<i>`, the gradients `seed.<name>.<i>` of
floating-point results and the gradients `grad.<name>.<i>` of floating-point inputs that follow from them.
"""

import json
import math
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(20260)
torch.set_num_threads(1)


def write(case, about, tensors, parameters, tolerance):
    folder = os.path.join(HERE, case)
    os.makedirs(folder, exist_ok=True)
    tensors = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
    if tensors:
        save_file(tensors, os.path.join(folder, "tensors.safetensors"))
    text = {"case": case, "about": about, "versions": {"torch": torch.__version__.split("+")[0]},
            "parameters": parameters, "tolerance": tolerance}
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(text, file, indent=1)
        file.write("\n")


def normal(*shape):
    return torch.randn(*shape)


def positive(*shape):
    return torch.rand(*shape) + 0.2


# MARK: Operators

mask = torch.tensor([[True, False, True], [False, True, True]])
classes = torch.tensor([1, 0, 3])
OPERATORS = {
    "add": (lambda a, b: a + b, normal(2, 3), normal(3)),
    "subtract": (lambda a, b: a - b, normal(2, 3), normal(2, 1)),
    "multiply": (lambda a, b: a * b, normal(2, 3), normal(2, 3)),
    "divide": (lambda a, b: a / b, normal(2, 3), positive(2, 3)),
    "remainder": (lambda a: a % 0.7, normal(2, 3)),
    "scalar": (lambda a: (3 - a * 2 + 1) / 4, normal(4)),
    "reciprocal-scalar": (lambda a: 2 / a, positive(4)),
    "power": (lambda a: a ** 2.5, positive(2, 3)),
    "exp": (lambda a: a.exp(), normal(5)),
    "log": (lambda a: a.log(), positive(5)),
    "log1p": (lambda a: a.log1p(), positive(5)),
    "sqrt": (lambda a: a.sqrt(), positive(5)),
    "rsqrt": (lambda a: a.rsqrt(), positive(5)),
    "abs": (lambda a: a.abs(), normal(5)),
    "erf": (lambda a: a.erf(), normal(5)),
    "sin": (lambda a: a.sin(), normal(5)),
    "cos": (lambda a: a.cos(), normal(5)),
    "clamp": (lambda a: a.clamp(-0.5, 0.7), normal(9)),
    "minimum": (lambda a, b: torch.minimum(a, b), normal(5), normal(5)),
    "maximum": (lambda a, b: torch.maximum(a, b), normal(5), normal(5)),
    "where": (lambda a, b: torch.where(mask, a, b), normal(2, 3), normal(2, 3)),
    "masked-fill": (lambda a: a.masked_fill(mask, 5.0), normal(2, 3)),
    "floor": (lambda a: a.floor(), normal(5) * 3),
    "round": (lambda a: a.round(), torch.tensor([0.5, 1.5, 2.5, -0.5, 0.4])),
    "matmul": (lambda a, b: a @ b, normal(4, 5), normal(5, 3)),
    "matmul-batched": (lambda a, b: a @ b, normal(2, 1, 4, 5), normal(3, 5, 2)),
    "matmul-vector": (lambda a, b: a @ b, normal(4, 5), normal(5)),
    "einsum": (lambda a, b: torch.einsum("nqd,nkd->nqk", a, b), normal(2, 3, 4), normal(2, 5, 4)),
    "linear": (lambda x, w, b: F.linear(x, w, b), normal(2, 3, 4), normal(5, 4), normal(5)),
    "outer": (lambda a, b: torch.outer(a, b), normal(3), normal(4)),
    "normalize": (lambda a: F.normalize(a, dim=-1), normal(3, 4)),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), normal(2, 4, 9, 7), normal(6, 4, 3, 3), normal(6)),
    "conv2d-uneven": (lambda x, w: F.conv2d(x, w, None, stride=(1, 2), padding=(2, 0), dilation=(2, 1)), normal(1, 3, 9, 8),
                      normal(4, 3, 3, 2)),
    "conv2d-groups": (lambda x, w, b: F.conv2d(x, w, b, groups=2), normal(2, 4, 5, 5), normal(6, 2, 3, 3), normal(6)),
    "conv-transpose2d": (lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2), normal(2, 4, 5, 4), normal(4, 3, 2, 2),
                         normal(3)),
    "conv-transpose2d-padded": (lambda x, w: F.conv_transpose2d(x, w, None, stride=2, padding=1, output_padding=1),
                                normal(1, 2, 4, 4), normal(2, 3, 3, 3)),
    "max-pool2d": (lambda x: F.max_pool2d(x, 3, 2, 1), normal(1, 2, 7, 8)),
    "max-pool2d-ceil": (lambda x: F.max_pool2d(x, 1, 2, 0, ceil_mode=True), normal(1, 2, 7, 8)),
    "average-pool2d": (lambda x: F.avg_pool2d(x, 2), normal(1, 2, 6, 8)),
    "average-pool2d-padded": (lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), normal(1, 2, 7, 8)),
    "adaptive-average-pool2d": (lambda x: F.adaptive_avg_pool2d(x, (3, 2)), normal(1, 2, 7, 8)),
    "upsample-nearest": (lambda x: F.interpolate(x, size=(7, 9), mode="nearest"), normal(1, 2, 3, 4)),
    "upsample-bilinear": (lambda x: F.interpolate(x, size=(7, 9), mode="bilinear"), normal(1, 2, 3, 4)),
    "upsample-bilinear-corners": (lambda x: F.interpolate(x, size=(7, 9), mode="bilinear", align_corners=True),
                                  normal(1, 2, 3, 4)),
    "upsample-bicubic": (lambda x: F.interpolate(x, size=(7, 9), mode="bicubic"), normal(1, 2, 3, 4)),
    "downsample-bilinear-antialias": (lambda x: F.interpolate(x, size=(3, 4), mode="bilinear", antialias=True),
                                      normal(1, 2, 9, 11)),
    "downsample-bicubic-antialias": (lambda x: F.interpolate(x, size=(3, 4), mode="bicubic", antialias=True),
                                     normal(1, 2, 9, 11)),
    "grid-sample": (lambda x, g: F.grid_sample(x, g, align_corners=False), normal(1, 2, 5, 6), normal(1, 3, 4, 2) * 0.7),
    "unfold": (lambda x: F.unfold(x, 3, padding=1, stride=2), normal(1, 2, 5, 6)),
    "pad-constant": (lambda x: F.pad(x, (1, 2, 0, 1), value=0.5), normal(1, 2, 3, 4)),
    "pad-reflect": (lambda x: F.pad(x, (1, 2, 0, 1), mode="reflect"), normal(1, 2, 3, 4)),
    "pad-replicate": (lambda x: F.pad(x, (1, 2, 0, 1), mode="replicate"), normal(1, 2, 3, 4)),
    "group-norm": (lambda x, w, b: F.group_norm(x, 2, w, b), normal(2, 4, 3, 3), normal(4), normal(4)),
    "layer-norm": (lambda x, w, b: F.layer_norm(x, (6,), w, b, 1e-6), normal(2, 3, 6), normal(6), normal(6)),
    "embedding": (lambda w: F.embedding(torch.tensor([[2, 0], [1, 2]]), w), normal(3, 4)),
    "relu": (lambda a: a.relu(), normal(7)),
    "leaky-relu": (lambda a: F.leaky_relu(a, 0.1), normal(7)),
    "gelu": (lambda a: F.gelu(a), normal(7)),
    "gelu-tanh": (lambda a: F.gelu(a, approximate="tanh"), normal(7)),
    "quick-gelu": (lambda a: a * torch.sigmoid(1.702 * a), normal(7)),
    "silu": (lambda a: F.silu(a), normal(7)),
    "sigmoid": (lambda a: a.sigmoid(), normal(7)),
    "log-sigmoid": (lambda a: F.logsigmoid(a), normal(7)),
    "softplus": (lambda a: F.softplus(a), normal(7)),
    "hard-swish": (lambda a: F.hardswish(a), normal(7) * 3),
    "tanh": (lambda a: a.tanh(), normal(7)),
    "softmax": (lambda a: a.softmax(-1), normal(2, 5)),
    "log-softmax": (lambda a: a.log_softmax(0), normal(2, 5)),
    "cross-entropy": (lambda a: F.cross_entropy(a, classes), normal(3, 4)),
    "cross-entropy-weighted": (lambda a, w: F.cross_entropy(a, classes, w.detach(), ignore_index=0, reduction="sum"),
                               normal(3, 4), positive(4)),
    "cross-entropy-smooth": (lambda a: F.cross_entropy(a, classes, label_smoothing=0.1, reduction="none"), normal(3, 4)),
    "nll": (lambda a: F.nll_loss(a, classes), normal(3, 4)),
    "bce-logits": (lambda a, t: F.binary_cross_entropy_with_logits(a, t.detach()), normal(6), torch.rand(6)),
    "bce": (lambda a, t: F.binary_cross_entropy(a, t.detach(), reduction="sum"), torch.rand(6) * 0.8 + 0.1, torch.rand(6)),
    "smooth-l1": (lambda a, b: F.smooth_l1_loss(a, b, beta=0.5), normal(6), normal(6)),
    "smooth-l1-zero": (lambda a, b: F.smooth_l1_loss(a, b, beta=0.0), normal(6), normal(6)),
    "huber": (lambda a, b: F.huber_loss(a, b, delta=0.111, reduction="sum"), normal(6), normal(6)),
    "l1": (lambda a, b: F.l1_loss(a, b, reduction="none"), normal(6), normal(6)),
    "mse": (lambda a, b: F.mse_loss(a, b), normal(6), normal(6)),
    "attention": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v), normal(2, 3, 4, 8), normal(2, 3, 5, 8),
                  normal(2, 3, 5, 8)),
    "attention-causal": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), normal(1, 2, 4, 8),
                         normal(1, 2, 4, 8), normal(1, 2, 4, 8)),
    "attention-mask": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask, scale=0.3), normal(1, 2, 2, 8),
                       normal(1, 2, 3, 8), normal(1, 2, 3, 8)),
    "gather": (lambda a: a.gather(1, torch.tensor([[0, 2], [1, 1]])), normal(2, 3)),
    "scatter": (lambda a, s: a.scatter(1, torch.tensor([[0], [2]]), s), normal(2, 3), normal(2, 1)),
    "scatter-add": (lambda a, s: a.scatter_add(1, torch.tensor([[0, 0], [2, 1]]), s), normal(2, 3), normal(2, 2)),
    "index-select": (lambda a: a.index_select(0, torch.tensor([2, 0, 2])), normal(3, 2)),
    "index-add": (lambda a, s: a.index_add(0, torch.tensor([1, 1]), s), normal(3, 2), normal(2, 2)),
    "index-slices": (lambda a: a[1:, ..., ::2], normal(3, 2, 5)),
    "index-mask": (lambda a: a[mask], normal(2, 3, 2)),
    "index-tensor": (lambda a: a[:, torch.tensor([2, 0])], normal(2, 3, 2)),
    "index-negative": (lambda a: a[-1, None, :, -2:], normal(3, 2, 4)),
    "topk": (lambda a: a.topk(3), normal(2, 7)),
    "sort": (lambda a: a.sort(dim=0, descending=True, stable=True), normal(5, 2)),
    "cat": (lambda a, b: torch.cat([a, b], 1), normal(2, 3), normal(2, 1)),
    "stack": (lambda a, b: torch.stack([a, b], -1), normal(2, 3), normal(2, 3)),
    "split": (lambda a: a.split([1, 3], 1), normal(2, 4)),
    "chunk": (lambda a: a.chunk(2, -1), normal(2, 5)),
    "unbind": (lambda a: a.unbind(1), normal(2, 3)),
    "sum": (lambda a: a.sum((0, 2), keepdim=True), normal(2, 3, 4)),
    "mean": (lambda a: a.mean(), normal(2, 3)),
    "variance": (lambda a: a.var(1), normal(2, 5)),
    "standard-deviation": (lambda a: a.std(1, correction=0), normal(2, 5)),
    "product": (lambda a: a.prod(1), normal(2, 3)),
    "amax": (lambda a: a.amax((0, 1)), normal(2, 3, 4)),
    "max-along": (lambda a: a.max(1), normal(3, 4)),
    "min-of-all": (lambda a: a.min(), normal(3, 4)),
    "argmax": (lambda a: a.argmax(1), normal(3, 4)),
    "log-sum-exp": (lambda a: a.logsumexp(1), normal(3, 4)),
    "cumulative-sum": (lambda a: a.cumsum(1), normal(3, 4)),
    "norm": (lambda a: torch.linalg.vector_norm(a, 2, (1,)), normal(3, 4)),
    "norm-one": (lambda a: torch.linalg.vector_norm(a, 1), normal(3, 4)),
    "permute": (lambda a: a.permute(2, 0, 1), normal(2, 3, 4)),
    "reshape": (lambda a: a.transpose(0, 1).reshape(4, -1), normal(2, 6)),
    "expand": (lambda a: a.unsqueeze(0).expand(3, -1, 2), normal(4, 1)),
    "repeat": (lambda a: a.repeat(2, 3), normal(2, 1)),
    "repeat-interleave": (lambda a: a.repeat_interleave(2, 0), normal(2, 3)),
    "flip": (lambda a: a.flip(-1), normal(2, 3)),
    "roll": (lambda a: a.roll(1, 1), normal(2, 3)),
    "lower-triangle": (lambda a: a.tril(-1), normal(3, 3)),
    "diagonal": (lambda a: a.diagonal(1), normal(3, 4)),
    "less": (lambda a, b: a < b, normal(6), normal(6)),
    "greater-equal": (lambda a: a >= 0.1, normal(6)),
    "logical": (lambda a: (a > -0.5) & ~(a > 0.5), normal(8)),
    "one-hot": (lambda a: F.one_hot(torch.tensor([2, 0]), 3) * a.long(), torch.ones(1)),
    "nonzero": (lambda a: (a > 0).nonzero(), normal(3, 3)),
    "interpolated-share": (lambda a, b: a.lerp(b, 0.3), normal(4), normal(4)),
}


def record_operators():
    tensors, names = {}, []
    for name, (function, *inputs) in OPERATORS.items():
        names.append(name)
        leaves = [value.clone().requires_grad_() for value in inputs]
        results = function(*leaves)
        results = [results] if isinstance(results, torch.Tensor) else list(results)
        for index, value in enumerate(inputs):
            tensors[f"in.{name}.{index}"] = value
        loss = 0
        for index, result in enumerate(results):
            tensors[f"out.{name}.{index}"] = result
            if result.requires_grad:
                seed = torch.randn_like(result)
                tensors[f"seed.{name}.{index}"] = seed
                loss = loss + (result * seed).sum()
        if isinstance(loss, torch.Tensor):
            loss.backward()
            for index, leaf in enumerate(leaves):
                if leaf.grad is not None:
                    tensors[f"grad.{name}.{index}"] = leaf.grad
    write("operators", "single operators, forward and backward", tensors, {"names": names},
          {"abs": 2e-6, "rel": 1e-5})


# MARK: Layers

class QuickAttention(torch.nn.Module):
    """Attention with separate projections, as transformers' CLIP names them."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self, name, torch.nn.Linear(width, width))

    def forward(self, x):
        def split(y):
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        y = F.scaled_dot_product_attention(split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x)))
        return self.out_proj(y.transpose(1, 2).flatten(-2))


class PackedAttention(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.inner = torch.nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


LAYERS = {
    "linear": ({"inputs": 4, "outputs": 3}, lambda p: torch.nn.Linear(p["inputs"], p["outputs"]), (2, 5, 4), "eval"),
    "conv2d": ({"inputs": 3, "outputs": 4, "kernel": [3, 2], "stride": 2, "padding": 1, "groups": 1},
               lambda p: torch.nn.Conv2d(p["inputs"], p["outputs"], p["kernel"], p["stride"], p["padding"]), (2, 3, 7, 6),
               "eval"),
    "conv2d-groups": ({"inputs": 4, "outputs": 6, "kernel": [3, 3], "stride": 1, "padding": 1, "groups": 2},
                      lambda p: torch.nn.Conv2d(p["inputs"], p["outputs"], p["kernel"], p["stride"], p["padding"],
                                                groups=p["groups"], bias=False), (1, 4, 5, 5), "eval"),
    "conv-transpose2d": ({"inputs": 3, "outputs": 2, "kernel": [2, 2], "stride": 2},
                         lambda p: torch.nn.ConvTranspose2d(p["inputs"], p["outputs"], p["kernel"], p["stride"]),
                         (2, 3, 4, 5), "eval"),
    "batch-norm2d-train": ({"channels": 3, "epsilon": 1e-4, "momentum": 0.003},
                           lambda p: torch.nn.BatchNorm2d(p["channels"], p["epsilon"], p["momentum"]), (2, 3, 4, 5), "train"),
    "batch-norm2d-eval": ({"channels": 3, "epsilon": 1e-5, "momentum": 0.1},
                          lambda p: torch.nn.BatchNorm2d(p["channels"], p["epsilon"], p["momentum"]), (2, 3, 4, 5), "eval"),
    "group-norm": ({"groups": 2, "channels": 4}, lambda p: torch.nn.GroupNorm(p["groups"], p["channels"]), (2, 4, 3, 3),
                   "eval"),
    "layer-norm": ({"width": 6}, lambda p: torch.nn.LayerNorm(p["width"]), (2, 3, 6), "eval"),
    "attention-packed": ({"width": 8, "heads": 2}, lambda p: PackedAttention(p["width"], p["heads"]), (2, 5, 8), "train"),
    "attention-separate": ({"width": 8, "heads": 4}, lambda p: QuickAttention(p["width"], p["heads"]), (2, 5, 8), "train"),
    "embedding": ({"count": 5, "width": 3}, lambda p: torch.nn.Embedding(p["count"], p["width"]), None, "eval"),
}


def record_layers():
    tensors, entries = {}, {}
    for name, (parameters, make, shape, mode) in LAYERS.items():
        layer = make(parameters)
        layer.train(mode == "train")
        with torch.no_grad():
            for key, value in layer.named_parameters():
                if value.dim() == 1:
                    value.copy_(torch.randn_like(value))
            for key, value in layer.named_buffers():
                if value.is_floating_point():
                    value.copy_(torch.rand_like(value) + 0.5)
        for key, value in layer.state_dict().items():
            tensors[f"weights.{name}.{key}"] = value.clone()
        x = torch.randint(0, parameters["count"], (2, 4)) if shape is None else torch.randn(shape).requires_grad_()
        y = layer(x)
        seed = torch.randn_like(y)
        (y * seed).sum().backward()
        tensors[f"in.{name}"], tensors[f"out.{name}"], tensors[f"seed.{name}"] = x, y, seed
        if shape is not None:
            tensors[f"grad.{name}.input"] = x.grad
        for key, value in layer.named_parameters():
            tensors[f"grad.{name}.{key}"] = value.grad
        for key, value in layer.named_buffers():
            tensors[f"after.{name}.{key}"] = value
        entries[name] = {**parameters, "training": mode == "train"}
    write("layers", "layers with their parameters, forward and backward", tensors, {"layers": entries},
          {"abs": 2e-6, "rel": 1e-5})


# MARK: Optimisers

def record_optimizers():
    torch.manual_seed(7)
    data, target = torch.randn(64, 6), torch.randn(64, 3)
    first = {"0.weight": torch.randn(8, 6) * 0.3, "0.bias": torch.zeros(8), "2.weight": torch.randn(3, 8) * 0.3,
             "2.bias": torch.zeros(3)}
    tensors = {"in.data": data, "in.target": target}
    tensors.update({f"weights.{key}": value for key, value in first.items()})
    settings = {
        "sgd": {"kind": "sgd", "rate": 0.1, "momentum": 0.0, "decay": 0.0, "nesterov": False, "biasDecay": None},
        "sgd-momentum": {"kind": "sgd", "rate": 0.05, "momentum": 0.9, "decay": 1e-2, "nesterov": False, "biasDecay": None},
        "sgd-nesterov": {"kind": "sgd", "rate": 0.05, "momentum": 0.9, "decay": 1e-2, "nesterov": True, "biasDecay": 0.0},
        "adamw": {"kind": "adamw", "rate": 1e-2, "decay": 0.05, "biasDecay": 0.0},
        "adamw-clipped": {"kind": "adamw", "rate": 1e-2, "decay": 0.01, "biasDecay": None, "maximumNorm": 0.5},
        "adamw-scheduled": {"kind": "adamw", "rate": 1e-2, "decay": 0.01, "biasDecay": None, "warmup": 10, "total": 40,
                            "minimumRatio": 0.1},
    }
    steps = 50
    for name, setting in settings.items():
        model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
        model.load_state_dict(first)
        groups = [{"params": [model[0].weight, model[2].weight]},
                  {"params": [model[0].bias, model[2].bias]}]
        if setting["biasDecay"] is not None:
            groups[1]["weight_decay"] = setting["biasDecay"]
        if setting["kind"] == "sgd":
            optimizer = torch.optim.SGD(groups, setting["rate"], setting["momentum"], weight_decay=setting["decay"],
                                        nesterov=setting["nesterov"])
        else:
            optimizer = torch.optim.AdamW(groups, setting["rate"], weight_decay=setting["decay"])
        losses = []
        for step in range(steps):
            if "total" in setting:
                for group in optimizer.param_groups:
                    group["lr"] = setting["rate"] * cosine(step, setting["warmup"], setting["total"], setting["minimumRatio"])
            optimizer.zero_grad()
            batch = slice((step * 16) % 64, (step * 16) % 64 + 16)
            loss = F.mse_loss(model(data[batch]), target[batch])
            loss.backward()
            if "maximumNorm" in setting:
                torch.nn.utils.clip_grad_norm_(model.parameters(), setting["maximumNorm"])
            optimizer.step()
            losses.append(loss.detach())
        tensors[f"out.{name}.losses"] = torch.stack(losses)
        for key, value in model.state_dict().items():
            tensors[f"out.{name}.{key}"] = value
    write("optimizers", "fifty steps of a small network", tensors, {"optimizers": settings, "steps": steps, "batch": 16},
          {"abs": 1e-6, "rel": 1e-4})


# MARK: Schedules

def cosine(step, warmup, total, minimum):
    """The notebook's schedule, its progress clamped at the end."""
    if step < warmup:
        return step / max(1, warmup)
    progress = min((step - warmup) / max(1, total - warmup), 1)
    return minimum + (1 - minimum) * 0.5 * (1 + math.cos(math.pi * progress))


def factors(make, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    schedule = make(optimizer)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return torch.tensor(values, dtype=torch.float64)


def record_schedules():
    s = torch.optim.lr_scheduler
    tensors = {
        "out.constant": factors(lambda o: s.ConstantLR(o, 1.0), 10),
        "out.steps": factors(lambda o: s.MultiStepLR(o, [4, 7, 9], 0.1), 14),
        "out.cosine": factors(lambda o: s.LambdaLR(o, lambda i: cosine(i, 5, 20, 0.1)), 30),
        "out.cosine-plain": factors(lambda o: s.CosineAnnealingLR(o, 20, 0.05), 21),
        "out.polynomial": factors(lambda o: s.PolynomialLR(o, 12, 0.9), 16),
        "out.linear-warmup": factors(lambda o: s.LinearLR(o, 0.25, 1.0, 8), 12),
    }
    entries = {
        "constant": {"decay": "constant"},
        "steps": {"decay": "steps", "at": [4, 7, 9], "factor": 0.1},
        "cosine": {"decay": "cosine", "warmup": 5, "startFactor": 0, "total": 20, "minimumRatio": 0.1},
        "cosine-plain": {"decay": "cosine", "total": 20, "minimumRatio": 0.05},
        "polynomial": {"decay": "polynomial", "total": 12, "power": 0.9, "minimumRatio": 0},
        "linear-warmup": {"decay": "constant", "warmup": 8, "startFactor": 0.25},
    }
    write("schedules", "factors of the learning rate, step by step", tensors, {"schedules": entries},
          {"abs": 1e-9, "rel": 1e-9})


# MARK: Initialisers

def record_initializers():
    i = torch.nn.init
    functions = {
        "normal": lambda t: i.normal_(t, 0.5, 2.0),
        "uniform": lambda t: i.uniform_(t, -0.25, 0.75),
        "truncated-normal": lambda t: i.trunc_normal_(t, 0.1, 0.02, 0.1 - 0.04, 0.1 + 0.04),
        "kaiming-normal-fan-out": lambda t: i.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"),
        "kaiming-uniform-fan-in": lambda t: i.kaiming_uniform_(t, nonlinearity="relu"),
        "xavier-normal": lambda t: i.xavier_normal_(t),
        "xavier-uniform": lambda t: i.xavier_uniform_(t, 1.5),
        "fan-uniform": lambda t: i.kaiming_uniform_(t, a=math.sqrt(5)),
    }
    tensors = {}
    for name, function in functions.items():
        torch.manual_seed(123)
        tensors[f"out.{name}"] = function(torch.empty(6, 4, 3, 2))
    write("initializers", "initialisers after seed 123, shape [6, 4, 3, 2]", tensors, {"seed": 123, "names": list(functions)},
          {"abs": 1e-7, "rel": 1e-5})


record_operators()
record_layers()
record_optimizers()
record_schedules()
record_initializers()
