# SPDX-License-Identifier: GPL-2.0-or-later
"""What a cable is told to do to a million frames of a lab, it does: within three standard errors.

The seed is fixed, so that a test either always holds or never; what is tested is the whole way from
a scenario's words to a metric. The engine's own statistics are in core/link/link_stats_test.c.
"""
import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vsq import Lab	# noqa: E402

COUNT = 1_001_000
ROOM_NS = 40_000	# between two datagrams


def measured(**faults):
    """The metrics of a million datagrams of 142 bytes from left to right."""
    lab = Lab("a million frames", seed=11)
    a, b = lab.host("a", addr="10.0.0.1/24"), lab.host("b", addr="10.0.0.2/24")
    lab.cable(a, b, name="c", **faults)
    lab.app("udp-cbr", a, b, interval=f"{ROOM_NS}ns", size="100B", count=COUNT)
    result = lab.run("60s")
    assert result.held, result.failed
    metrics = result.metrics
    # The first ones may have been too many to wait for ARP.
    assert metrics["cable.c.lr.frames"] >= 1_000_000
    return metrics


def near(value, expected, error):
    assert abs(value - expected) <= 3 * error, f"{value}, not {expected} +- 3 * {error}"


@pytest.mark.parametrize("fault, percent, counter", [
    ("loss", 0.1, "drop_loss"), ("loss", 5, "drop_loss"), ("loss", 60, "drop_loss"),
    ("reorder", 2, "reordered"), ("corrupt", 2, "corrupted"),
])
def test_a_share_of_the_frames_is_hit(fault, percent, counter):
    metrics = measured(**{fault: f"LR {percent}"})
    frames, share = metrics["cable.c.lr.frames"], percent / 100
    near(metrics[f"cable.c.lr.{counter}"] / frames, share,
         math.sqrt(share * (1 - share) / frames))


def test_duplicates_may_have_duplicates():
    """As in the original each copy is drawn for again: d/(1-d) copies of a frame."""
    metrics = measured(dup="LR 3")
    frames = metrics["cable.c.lr.frames"]
    near(metrics["cable.c.lr.duplicated"] / frames, 0.03 / 0.97, math.sqrt(0.03) / 0.97
         / math.sqrt(frames))


def test_noise_hits_its_bits_per_megabyte():
    metrics = measured(noise="LR 20")
    bits = metrics["cable.c.lr.bytes"] / 2**20 * 20
    near(metrics["cable.c.lr.noise_bits"], bits, math.sqrt(bits))


def test_losses_in_bursts_keep_their_share():
    """The share of a two-state chain whose states' correlation is 1 - p - q from frame to frame."""
    share, burst = 0.05, 4
    metrics = measured(loss="LR 5", lostburst=f"LR {burst}")
    frames = metrics["cable.c.lr.frames"]
    kept = 1 - 1 / burst - share / (burst * (1 - share))
    near(metrics["cable.c.lr.drop_burst"] / frames, share,
         math.sqrt(share * (1 - share) / frames * (1 + kept) / (1 - kept)))


@pytest.mark.parametrize("kind, deviation", [("U", 5 / math.sqrt(3)), ("N", 5 / 3)])
def test_delay_has_its_mean_and_spread(kind, deviation):
    """Gaussian: nearly all frames, three deviations, are in the range that is written."""
    metrics = measured(delay=f"LR 20ms+5ms{kind}", fifo=False)
    error = deviation * 1e6 / math.sqrt(metrics["app.0.delay.count"])
    near(metrics["app.0.delay.mean"], 20e6, error)
    near(metrics["app.0.delay.stddev"], deviation * 1e6, error)


def test_bandwidth_is_what_comes_out():
    metrics = measured(bandwidth="LR 20Mbit/s", capacity="50kB")
    rate = metrics["cable.c.lr.delivered_bytes"] * 8e9 / (COUNT * ROOM_NS)
    assert rate == pytest.approx(20e6, rel=0.001)
