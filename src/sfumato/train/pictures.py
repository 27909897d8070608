"""Tensors as picture files and contact sheets."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor


def sheet(pictures: Tensor, columns: int) -> Tensor:
    """Lay pictures (N, 3, H, W) out in rows of ``columns``, the last one filled up with white."""
    count, channels, height, width = pictures.shape
    blank = pictures.new_ones(-count % columns, channels, height, width)
    full = torch.cat([pictures, blank]).view(-1, columns, channels, height, width)
    return full.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)  # (3, R * H, C * W)


def save_picture(picture: Tensor, path: Path) -> None:
    """Write a picture (3, H, W), 0 to 1, as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = (picture.float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    Image.fromarray(data).save(path)
