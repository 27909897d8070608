"""A preview as a page shows it: a small WebP inside of the event."""

from __future__ import annotations

import base64
from io import BytesIO

from PIL import Image

LARGEST = 256  # pixels of the longer side


def as_url(image: Image.Image) -> str:
    """The picture as a data: URL."""
    if max(image.size) > LARGEST:
        image = image.copy()
        image.thumbnail((LARGEST, LARGEST))
    file = BytesIO()
    image.save(file, "WEBP", quality=75, method=0)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
