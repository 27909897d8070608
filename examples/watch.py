"""Watch a picture come out of the noise, as a strip: python examples/watch.py [weights.safetensors]."""

import sys

from PIL import Image

import sfumato

painter = sfumato.load(*sys.argv[1:2])
seen = []
for step in painter.watch("pixel art of a castle at night", seed=3, steps=12):
    if step.index % 3 == 1 or step.picture:
        seen.append(step.preview())
    print(f"step {step.index} of {step.total}")  # to stop early, break: that cancels the drawing

width, height = seen[0].size
strip = Image.new("RGB", (width * len(seen), height))
for place, preview in enumerate(seen):
    strip.paste(preview, (place * width, 0))
strip.save("steps.png")
