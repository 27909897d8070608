"""Say with pictures what words cannot: places, outlines, a style: python examples/control.py."""

import sfumato

painter = sfumato.load()

# Boxes in shares of the picture: left, top, width, height, in the order of the sentence's things.
boxes = [[0.55, 0.45, 0.4, 0.4], [0.05, 0.1, 0.35, 0.35]]
layout = sfumato.control("layout", boxes)
placed = painter("a red apple and a blue car", seed=3, steps=12, controls=[layout])
placed.save("placed.png")

# The outlines of that picture, filled with other colours; edges are let go in the last third of the steps.
outlines = sfumato.control("edges", placed.image, strength=0.9, stop=0.7)
painter("a green apple and a yellow car", seed=4, steps=12, controls=[outlines]).save("recoloured.png")

# The style of one picture for the things of another.
mood = painter("a castle, night sky background, watercolor", seed=5, steps=12)
mood.save("mood.png")
taken = sfumato.reference(mood.image, "style", strength=1.0)
painter("two fish", seed=6, steps=12, references=[taken]).save("in-its-style.png")

# Words for parts of the picture; the rest of the sentence fills the rest.
regions = [sfumato.region((0, 0, 0.5, 1), "a red cat"), sfumato.region((0.5, 0, 0.5, 1), "a blue car")]
painter("pink background", seed=7, steps=12, regions=regions).save("regions.png")
