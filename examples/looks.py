"""Pick a look, fill out a vague wish, and keep the best of several: python examples/looks.py."""

import sfumato

painter = sfumato.load()

wish = sfumato.expanded("a dream I had when I was young", seed=7)
print(wish.original, "->", wish.sentence)
for reason in wish.why:
    print("because:", reason)
painter(wish.sentence, seed=7, steps=12, sentence=wish.original).save("dream.png")

look = sfumato.styled("a red cat", "", ["watercolor"], family="world")
print(look.prompt)
painter(look.prompt, seed=7, steps=12, negative=look.negative).save("look.png")

best = painter.best_of("a red cat to the left of a blue car", 2, seed=1, steps=12)
for note in best.notes:
    print(note)
best.picture.save("best.png")
