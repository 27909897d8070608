"""Stable Diffusion 2.x: one text tower, OpenCLIP ViT-H, read to the last layer but one, with the final norm.

The first was trained on 512x512 to predict noise, then on 768x768 to predict v; both are in use. Folders
leave the tower's last layer away, files keep it.
"""

from sfumato.families.family import Family, Text
from sfumato.families.shapes import heads_of_width
from sfumato.families.telling import last_words

SD2 = Family(
    name="sd2",
    side=512,
    v_side=768,
    scale=0.18215,
    heads=heads_of_width(64),
    texts=(
        Text(
            part="text_encoder",
            tokenizer="tokenizer",
            activation="gelu",
            pad=0,
            layer=2,
            normed=True,
            cut=True,
        ),
    ),
    telling=last_words,
)
