"""The picture world: all that the embedded model learns, and the examination of what it has learned.

What there is: `sprites.py` names the things, `artwork.py` cuts their pixels from the font, `colours.py` tints
them; `backgrounds.py` and `styles.py` are where and how they are shown. What a picture says: `scenes.py` has
it as data, `compose.py` invents one from a seed, `captions.py` tells it in a sentence, `renderer.py` paints
it, and `split.py` says which combinations training never sees. What was understood: `verifier.py` compares a
picture with its sentence, by what `recognition.py` saw (with `matching.py` and `stylometry.py`);
`benchmark.py` asks, and `accuracy.py` examines the examiner. Pixels are batched torch on any device; what is
left to chance hangs on a seed that is handed in. Begin with `scenes.py`.
"""
