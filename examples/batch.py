"""Draw requests that have nothing in common, together: python examples/batch.py [weights.safetensors].

Each picture is bit for bit the one that its request gives alone.
"""

import sys

import sfumato

painter = sfumato.load(*sys.argv[1:2])
requests = [
    painter.request("a castle", seed=1, steps=12),
    painter.request("two yellow fish under a cloud, watercolor", seed=2, guidance=6.0),
    painter.request("a red cat", seed=3, steps=30, sampler="ddpm", negative="car"),
    painter.request("a blue car", seed=4, steps=8, sampler="euler", guidance=1.0),
]
for number, picture in enumerate(painter.batch(requests), start=1):
    print(picture.save(f"batch-{number}.png"), "-", picture.request.prompt)

alone = painter(requests[2])
with_strangers = list(painter.batch(requests))[2]
print("the same picture:", alone.image.tobytes() == with_strangers.image.tobytes())
