"""Freed memory back to the system: Python, torch and the C library all like to keep what they had."""

from __future__ import annotations

import ctypes
import gc
import sys

import torch


def give_memory_back() -> None:
    """Collect what is unreachable, empty a GPU's cache, and have glibc return its free pages.

    glibc keeps freed blocks below its threshold for mapped ones, which grows up to 32 MB as such are freed:
    most layers of a network lie below. Where the C library is another, nothing is asked of it.
    """
    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
