"""Stable Diffusion XL, base and refiner: arXiv:2307.01952.

Two text towers, CLIP ViT-L and OpenCLIP ViT-bigG, each read to its last layer but one without the final
norm; the refiner has the second alone. The sentence as a whole, and numbers about the picture, go in beside
the time.
"""

from sfumato.families.family import Family, Text
from sfumato.families.shapes import heads_of_width
from sfumato.families.telling import sized, sized_and_judged

CLIP_L = Text(
    part="text_encoder", tokenizer="tokenizer", activation="quick_gelu", pad=None, layer=2, normed=False
)
BIG_G = Text(part="text_encoder_2", tokenizer="tokenizer_2", activation="gelu", pad=0, layer=2, normed=False)

SDXL = Family(
    name="sdxl",
    side=1024,
    scale=0.13025,
    heads=heads_of_width(64),
    texts=(CLIP_L, BIG_G),
    telling=sized,
)
SDXL_REFINER = Family(
    name="sdxl-refiner",
    side=1024,
    scale=0.13025,
    heads=heads_of_width(64),
    texts=(BIG_G,),
    telling=sized_and_judged,
)
