"""Reads the JSON lines of all measurements and prints a table with ratios.

Fails if a figure differs by more than the tolerance, the first argument or 1e-9, from that of another implementation.
"""

import json
import sys

rows = [json.loads(line) for line in sys.stdin if line.startswith("{")]
own = {row["type"]: row for row in rows if row["name"] == "swift-fvlm"}
print(f"{'':20}{'type':16}{'seconds':>9}{'times ours':>12}{'largest difference of a figure':>34}")
greatest = 0.0
for row in rows:
    ours = own[row["type"]]
    difference = max([abs(a - b) for a, b in zip(row["stats"], ours["stats"])], default=0.0)
    greatest = max(greatest, difference)
    print(f"{row['name']:20}{row['type']:16}{row['seconds']:9.3f}{row['seconds'] / ours['seconds']:12.2f}{difference:34.1e}")
if not greatest <= (float(sys.argv[1]) if len(sys.argv) > 1 else 1e-9):
    sys.exit(f"figures differ by up to {greatest:.1e}")
