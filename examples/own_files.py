"""Draw with files that you own: python examples/own_files.py MODEL [LORA]. No MODEL: the embedded one."""

import sys

import sfumato

prompt = "a harbour in the morning, ink"
painter = sfumato.load(*sys.argv[1:2])
for note in painter.notes:  # what the file is, and how that was decided
    print("model:", note)

plain = painter(prompt, seed=7, steps=12)
plain.save("plain.png")

for path in sys.argv[2:3]:
    with painter.adapted(sfumato.lora(path, 0.8)):
        inked = painter(prompt, seed=7, steps=12)
    for note in inked.notes:  # such as: it wakes to words that the prompt does not say
        print("LoRA:", note)
    inked.save("inked.png")
    again = painter(prompt, seed=7, steps=12)
    print("taken off without a trace:", again.image.tobytes() == plain.image.tobytes())
