# SPDX-License-Identifier: GPL-2.0-or-later
from decimal import Decimal

import pytest

from vsq import units


@pytest.mark.parametrize("text, ns", [
    ("20ms", 20_000_000), ("1.5s", 1_500_000_000), ("2 min", 120_000_000_000), ("7ns", 7),
    ("3us", 3000), ("3µs", 3000), ("0.1ms", 100_000), ("1e3ms", 10**9), (0, 0)])
def test_a_time_is_exact(text, ns):
    assert units.time_ns(text) == ns


@pytest.mark.parametrize("text", ["20", "ms", "", "20 parsecs", "-1s", "1e40s", "20MS", True, 20,
                                  None, float("nan"), "1..2s", [], "0x10s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(units.UnitError) as caught:
        units.time_ns(text)
    assert caught.value.allowed


@pytest.mark.parametrize("text, quantity, value", [
    ("2Mbit/s", "rate", 2_000_000), ("125kB/s", "rate", 1_000_000), ("64KiB", "size", 65536),
    ("64kB", "size", 64000), ("0.5%", "percent", Decimal("0.5")), (0.1, "percent", Decimal("0.1")),
    ("1MiB/s", "rate", 8 << 20)])
def test_powers_of_1000_and_1024_are_told_apart(text, quantity, value):
    assert units.parse(text, quantity) == value


def test_a_unit_in_the_wrong_case_is_named():
    with pytest.raises(units.UnitError, match='"Mbit/s" is one'):
        units.parse("2mbit/s", "rate")


@pytest.mark.parametrize("value, quantity, text", [
    (18_349_000, "rate", "18.3 Mbit/s"), (24_900_000, "time", "24.9 ms"),
    (999.6e6, "time", "1.00 s"), (0, "time", "0 ns"), (61234, "number", "61,234"),
    (20_200_000, "size", "20.2 MB"), (2.046, "percent", "2.05 %"), (108e6, "time", "108 ms")])
def test_figures_have_three_digits_and_a_unit(value, quantity, text):
    assert units.show(value, quantity) == text


@pytest.mark.parametrize("metric, quantity", [
    ("app.0.goodput", "rate"), ("app.0.rtt.p50", "time"), ("app.0.rtt.count", "number"),
    ("cable.x.lr.drop_loss", "number"), ("app.1.bytes", "size"), ("app.1.duration", "time")])
def test_a_metric_tells_its_quantity(metric, quantity):
    assert units.quantity_of(metric) == quantity
