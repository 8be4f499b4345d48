"""`a + b` on four elements in Python; prints seconds per call as JSON."""

import json
import statistics
import time

import torch

a = torch.tensor([1.0, 2.0, 3.0, 4.0])
b = torch.tensor([5.0, 6.0, 7.0, 8.0])
COUNT = 100_000


def once():
    start = time.perf_counter()
    for _ in range(COUNT):
        a + b
    return (time.perf_counter() - start) / COUNT


once()
print(json.dumps({"sum": statistics.median(once() for _ in range(9)), "torch": torch.__version__}))
