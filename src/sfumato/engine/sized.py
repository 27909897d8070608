"""Numbers of bytes in words, as errors tell them."""

from __future__ import annotations


def sized(number: float) -> str:
    """Two or three figures: "870 MB", "4.1 GB". GB is 2**30 bytes, as memory is sold."""
    if number < 2**30 * 0.9995:
        return f"{number / 2**20:.0f} MB"
    return f"{number / 2**30:.1f} GB"
