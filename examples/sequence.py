"""From one picture to another in small steps, as an animation: python examples/sequence.py [MODEL]."""

import sys

import sfumato
from sfumato.morphing import morphed

painter = sfumato.load(*sys.argv[1:2])
cat = painter.request("a red cat", seed=7, steps=12)
car = painter.request("a blue car", seed=9, steps=12)

# Words and noise go from the one to the other and back; each frame is a request like any other.
frames = morphed([cat, car], 8, loop=True)
drawn = {}
for request in frames:
    if request not in drawn:  # the way back has the pictures of the way there
        drawn[request] = painter(request)
print(f"{len(frames)} frames, {len(drawn)} pictures")

first, *others = (drawn[request].image for request in frames)
first.save("morph.webp", save_all=True, append_images=others, duration=150, loop=0)
drawn[frames[2]].save("halfway.png")
