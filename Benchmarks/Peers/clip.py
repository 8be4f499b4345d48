"""ViT-B/32's towers in transformers; prints seconds per call as JSON, under the names that the Swift side uses."""

import argparse
import json
import statistics
import time

import torch
from transformers import CLIPConfig, CLIPModel

parser = argparse.ArgumentParser()
parser.add_argument("part", choices=["images", "texts"])
parser.add_argument("--runs", type=int, default=5)
arguments = parser.parse_args()
runs = arguments.runs

torch.manual_seed(1)
model = CLIPModel(CLIPConfig()).eval()
narrow = CLIPModel(CLIPConfig()).eval().to(torch.bfloat16)
results = {"torch": torch.__version__}


def measure(name, call):
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    results[name] = statistics.median(times)


def features(output):
    return output if torch.is_tensor(output) else output.pooler_output


IMAGES = [("8 images at 224", 8, 224), ("1 image at 640", 1, 640)]

ids = torch.full((32, 77), 49407)
for row in range(32):
    ids[row, 0] = 49406
    for place in range(1, 6 + row % 6):
        ids[row, place] = 320 + 97 * place + row
# 1 up to and including the first end token.
mask = (torch.cumsum(ids == 49407, dim=1) <= 1).long()
full = (320 + torch.arange(32 * 77) % 1000).reshape(32, 77)
full[:, 76] = 49407
# Prompts are padded to the longest, the tokenizer's default; full texts to the context length.
longest = int(mask.sum(1).max())
TEXTS = [("32 prompts", ids[:, :longest], mask[:, :longest]), ("32 texts of 77 tokens", full, torch.ones_like(full))]

with torch.inference_mode():
    for name, count, size in IMAGES if arguments.part == "images" else []:
        pixels = torch.randn(count, 3, size, size)
        for net, suffix, dtype in [(model, "", torch.float32), (narrow, ", bfloat16", torch.bfloat16)]:
            values = pixels.to(dtype)
            measure(name + suffix, lambda: torch.nn.functional.normalize(
                features(net.get_image_features(pixel_values=values, interpolate_pos_encoding=True)).float(), dim=-1))

    for name, tokens, attention in TEXTS if arguments.part == "texts" else []:
        for net, suffix in [(model, ""), (narrow, ", bfloat16")]:
            measure(name + suffix, lambda: torch.nn.functional.normalize(
                features(net.get_text_features(input_ids=tokens, attention_mask=attention)).float(), dim=-1))

print(json.dumps(results))
