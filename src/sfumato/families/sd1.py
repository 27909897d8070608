"""Stable Diffusion 1.x: one text tower, CLIP ViT-L, read to its last layer; arXiv:2112.10752, appendix E.

With 9 channels in, its U-Net fills holes; with 8 it edits a picture as it is told (arXiv:2211.09800).
"""

from sfumato.families.family import Family, Text
from sfumato.families.shapes import heads_in_number
from sfumato.families.telling import last_words

SD1 = Family(
    name="sd1",
    side=512,
    scale=0.18215,
    heads=heads_in_number(8),
    texts=(
        Text(
            part="text_encoder",
            tokenizer="tokenizer",
            activation="quick_gelu",
            pad=None,
            layer=1,
            normed=True,
        ),
    ),
    telling=last_words,
)
