"""By which weights a network is told from all others of its build."""

from __future__ import annotations

import hashlib

from torch import nn

MODEL = "sfumato.model"
"""Where a file of what was taught beside a network tells that network's fingerprint."""


def fingerprint(network: nn.Module) -> str:
    """A digest of all weights of a network."""
    digest = hashlib.sha256()
    for weight in network.state_dict().values():
        digest.update(weight.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
