"""Go on from a picture, all of it, a part, or beyond its edge: python examples/from_a_picture.py [MODEL]."""

import sys

from PIL import Image

import sfumato

painter = sfumato.load(*sys.argv[1:2])
width, height = painter.model.native
first = painter("a red cat", seed=7, steps=12)
first.save("first.png")

# The same arrangement, other things: strength is the share of the noise that the picture begins again from.
painter("a blue dog", seed=7, steps=12, picture=first.image, strength=0.8).save("changed.png")

# White in a mask is what gets painted; what is black is kept to the pixel.
mask = Image.new("L", first.image.size)
mask.paste(255, (width // 2, 0, width, height))
painted = painter("a yellow star", seed=8, steps=12, picture=first.image, mask=mask)
painted.save("painted.png")
half = (0, 0, width // 2, height)
print("kept to the pixel:", painted.image.crop(half).tobytes() == first.image.crop(half).tobytes())

# Half as wide again on the right, and then twice as large, with a second pass that adds detail.
painter("a red cat", seed=9, steps=12, picture=first.image, outpaint=(0, 0, width // 2, 0)).save("wider.png")
painter("a red cat", seed=7, steps=12, passes=["tiled(2, strength=0.3)"]).save("larger.png")

# A fifth of the way to another seed is a variation of this one.
painter("a red cat", seed=7, steps=12, variations=[(8, 0.2)]).save("variation.png")
