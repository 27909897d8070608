"""The picture world: what the embedded model learns, all that it knows.

`sprites.py` names the things, `artwork.py` cuts their pixels from the font, `colours.py` tints them;
`backgrounds.py` and `styles.py` are where and how they are shown. All of it is batched torch, on any device,
and nothing here is random.
"""
