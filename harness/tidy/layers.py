# SPDX-License-Identifier: GPL-2.0-or-later
"""Which folder may include which: arrows point one way.

A folder may include itself and the folders in its row. A folder without a row of its own has the
row of the nearest folder above it. Tests and fuzz targets may also use core/host, for memory.
"""

FOUNDATION = ["core/base", "core/wire"]
ENGINES = ["core/switch", "core/link", "core/mgmt"]

LAYERS: dict[str, list[str]] = {
    "core/base": [],
    "core/wire": ["core/base"],
    "core/mgmt": FOUNDATION,
    "core/switch": [*FOUNDATION, "core/mgmt"],
    "core/link": [*FOUNDATION, "core/mgmt"],
    "core/host": [*FOUNDATION, "core/mgmt"],
    "core/plug": [*FOUNDATION, "core/host", "kernel/uapi"],
    "core/bin": [*FOUNDATION, *ENGINES, "core/host", "core/plug", "kernel/uapi"],
    "stack": FOUNDATION,
    "stack/netif": [*FOUNDATION, "core/host", "core/plug", "core/link", "stack"],
    "stack/lwip": [*FOUNDATION, "core/host", "stack"],
    "stack/bin": [*FOUNDATION, "core/host", "core/plug", "core/link", "stack"],
    "kernel": ["kernel"],
    "kernel/ipn/test": ["core/plug", "kernel"],
    "kernel/kvde_switch": [*FOUNDATION, "core/switch", "core/mgmt", "kernel"],
    "ci": [],
    "harness": ["core", "stack", "hypervisor", "kernel"],
}


def row(folder: str) -> tuple[str, list[str]] | None:
    """The layer a folder belongs to, and what that layer may include."""
    while folder:
        if folder in LAYERS:
            return folder, LAYERS[folder]
        folder = folder.rpartition("/")[0]
    return None


def inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
