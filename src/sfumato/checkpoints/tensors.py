"""Named tensors that are read one by one, when they are asked for: what every kind of file is turned into.

A 7 GB checkpoint is looked at by its ``kinds`` alone. Key maps (``keys/``) rename, split and join such sets
without reading them either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # a file is inspected without torch, which alone takes two seconds and 200 MB
    from torch import Tensor


class Kind(NamedTuple):
    """What is known of a tensor before it is read; ``dtype`` as safetensors spell it: F32, F16, BF16, ..."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """Names with their kinds, and ``read``, which brings one tensor (on the CPU, as it is stored)."""

    kinds: Mapping[str, Kind]
    read: Callable[[str], Tensor]

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Tensors:
        """Tensors that are in memory already."""
        kinds = {name: Kind(DTYPES[str(x.dtype)], tuple(x.shape)) for name, x in tensors.items()}
        return cls(kinds=kinds, read=tensors.__getitem__)

    def under(self, prefix: str) -> Tensors:
        """Those whose names begin with ``prefix``, by what follows it."""
        kinds = {
            name.removeprefix(prefix): kind for name, kind in self.kinds.items() if name.startswith(prefix)
        }
        return Tensors(kinds=kinds, read=lambda name: self.read(prefix + name))


DTYPES = {
    "torch.bool": "BOOL", "torch.uint8": "U8", "torch.int8": "I8", "torch.int16": "I16", "torch.int32": "I32",
    "torch.int64": "I64", "torch.uint16": "U16", "torch.uint32": "U32", "torch.uint64": "U64",
    "torch.float8_e4m3fn": "F8_E4M3", "torch.float8_e5m2": "F8_E5M2", "torch.float8_e8m0fnu": "F8_E8M0",
    "torch.float16": "F16", "torch.bfloat16": "BF16", "torch.float32": "F32", "torch.float64": "F64",
    "torch.complex64": "C64",
}  # fmt: skip
"""How torch's names of types are spelt in safetensors."""
