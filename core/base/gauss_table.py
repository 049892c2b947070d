#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints gauss_table.h: the upper half of the Gaussian quantile function, by octaves.

Row k holds -quantile(p) for p from 2^-(k+2) up to 2^-(k+1) in PER_OCTAVE steps, in units of
2^-32, so that a table of fixed size is as fine in the tail as in the middle.
"""
import math

OCTAVES, PER_OCTAVE = 54, 32


def quantile(p: float) -> float:
    """x with P(X > x) = p, by Newton's method on erfc, from the asymptotic start."""
    x = math.sqrt(-2 * math.log(p)) if p < 0.3 else 0.5
    for _ in range(100):
        f = 0.5 * math.erfc(x / math.sqrt(2)) - p
        d = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        step = f / d
        x += step
        if abs(step) < 1e-15 * max(1.0, abs(x)):
            break
    return x


print("/* SPDX-License-Identifier: LGPL-2.1-or-later */")
print("/* Made by gauss_table.py: do not edit. */")
print("#ifndef VSQ_BASE_GAUSS_TABLE_H\n#define VSQ_BASE_GAUSS_TABLE_H\n")
print("#include <stdint.h>\n")
print(f"#define GAUSS_OCTAVES\t {OCTAVES}\n#define GAUSS_PER_OCTAVE {PER_OCTAVE}\n")
print("static const int64_t gauss_table[GAUSS_OCTAVES][GAUSS_PER_OCTAVE + 1] = {")
for k in range(OCTAVES):
    row = []
    for i in range(PER_OCTAVE + 1):
        p = 2.0 ** -(k + 2) * (1 + i / PER_OCTAVE)
        row.append(0 if p == 0.5 else round(quantile(p) * 2 ** 32))
    print("\t{" + ", ".join(f"{v}" for v in row[:4]) + ",")
    for j in range(4, PER_OCTAVE + 1, 5):
        part = row[j:j + 5]
        print("\t " + ", ".join(f"{v}" for v in part) + ("}," if j + 5 > PER_OCTAVE else ","))
print("};\n\n#endif")
