"""Reads the JSON lines of all measurements and prints a table with ratios.

Fails if a figure differs by more than 1e-9 from that of another implementation.
"""

import json
import sys

rows = [json.loads(line) for line in sys.stdin if line.startswith("{")]
own = {row["type"]: row for row in rows if row["name"] == "swift-fvlm"}
print(f"{'':20}{'type':8}{'seconds':>9}{'times ours':>12}{'largest difference of a figure':>34}")
greatest = 0.0
for row in rows:
    ours = own[row["type"]]
    difference = max(abs(a - b) for a, b in zip(row["stats"], ours["stats"]))
    greatest = max(greatest, difference)
    print(f"{row['name']:20}{row['type']:8}{row['seconds']:9.3f}{row['seconds'] / ours['seconds']:12.2f}{difference:34.1e}")
if not greatest <= 1e-9:
    sys.exit(f"figures differ by up to {greatest:.1e}")
