"""Records masks pasted as the published F-VLM's evaluation does (`paste_instance_masks` of its mask_utils.py).

usage: python record.py            (needs numpy, opencv-python and safetensors; writes beside this file)

The steps, by that code: the box as corner, width and height grows by (S + 2) / S around its centre, in float32; its
corners lose their fractions (towards zero) and become the first and the last pixel; the mask gets a border of zeros and
is resized to them by OpenCV's bilinear resize; what is above one half and inside the picture stays.
"""

import json
import os

import cv2
import numpy as np
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
HEIGHT, WIDTH, SIDE = 60, 90, 28

# Corners x1, y1, x2, y2.
BOXES = np.array([
    [10.3, 12.7, 55.9, 44.2],  # inside, larger than the mask
    [20.0, 10.0, 48.0, 38.0],  # as large as the mask
    [30.6, 20.2, 41.1, 33.9],  # smaller than the mask
    [-7.4, -0.6, 30.2, 25.5],  # beyond the left and upper edges: fractions of negative numbers go towards zero
    [60.2, 41.5, 101.7, 77.3],  # beyond the right and lower edges
    [-30.0, -20.0, 130.0, 90.0],  # around the picture
    [50.5, 30.5, 51.2, 31.1],  # less than a pixel
    [25.4, 25.6, 25.4, 40.6],  # no width
    [200.0, 10.0, 240.0, 30.0],  # outside
], dtype=np.float32)


def place(box, side):
    """The first pixel and the number of pixels along x and y."""
    first, last = [], []
    for axis in range(2):
        extent = box[axis + 2] - box[axis]
        half = extent * np.float32(0.5)
        centre = box[axis] + half
        half = half * np.float32((side + 2) / side)
        first.append(int(np.int32(centre - half)))
        last.append(int(np.int32(centre + half)))
    return first, [max(b - a + 1, 1) for a, b in zip(first, last)]


def paste(mask, box):
    """The values before the threshold, in the whole picture."""
    (left, top), (columns, rows) = place(box, SIDE)
    bordered = np.pad(mask, 1)
    resized = cv2.resize(bordered, (columns, rows))
    picture = np.zeros((HEIGHT, WIDTH), np.float32)
    x0, x1 = np.clip([left, left + columns], 0, WIDTH)
    y0, y1 = np.clip([top, top + rows], 0, HEIGHT)
    picture[y0:y1, x0:x1] = resized[y0 - top:y1 - top, x0 - left:x1 - left]
    return picture


generator = np.random.default_rng(0)
# Blobs: noise of few cells made larger.
coarse = generator.uniform(0, 1, (len(BOXES), 6, 6)).astype(np.float32)
masks = np.stack([np.clip(cv2.resize(c, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), 0, 1) for c in coarse])
masks[5:] = np.clip(masks[5:] + 0.3, 0, 1)
soft = np.stack([paste(mask, box) for mask, box in zip(masks, BOXES)])
pasted = (soft > 0.5).astype(np.uint8)

save_file({"in.masks": masks, "in.boxes": BOXES, "out.soft": soft, "out.pasted": pasted},
          os.path.join(HERE, "tensors.safetensors"))
case = {
    "group": "published",
    "case": "mask-paste",
    "what": "masks pasted into the picture as by the published evaluation",
    "reference": {"numpy": np.__version__, "opencv": cv2.__version__},
    "tolerance": {"abs": 1e-5, "rel": 1e-5},
    "parameters": {"image": [HEIGHT, WIDTH], "threshold": 0.5},
    "tensors": {
        "in.masks": {"meaning": "probabilities (N, S, S)"},
        "in.boxes": {"meaning": "boxes x1, y1, x2, y2 (N, 4)"},
        "out.soft": {"meaning": "values before the threshold (N, H, W)"},
        "out.pasted": {"meaning": "above the threshold (N, H, W)"},
    },
}
with open(os.path.join(HERE, "case.json"), "w") as file:
    json.dump(case, file, indent=1)
    file.write("\n")
