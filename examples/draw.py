"""Draw one sentence and keep it with its recipe: python examples/draw.py [weights.safetensors]."""

import sys

import sfumato

painter = sfumato.load(*sys.argv[1:2])
picture = painter("a red cat to the left of a blue car, pink background", seed=7)
for note in picture.notes:
    print("note:", note)
picture.save("cat.png")

# The recipe is a plain value: change some of it and draw again.
painter(picture.request, guidance=2.0, sampler="euler_ancestral").save("looser-cat.png")
