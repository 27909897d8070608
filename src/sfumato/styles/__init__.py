"""Looks to choose from: what a preset adds to a sentence, and a small picture of each.

Every `.toml` beside this file is one preset, `thumbnails/` has its picture. `preset.py` reads one strictly,
`shelf.py` finds those that are named (and a folder of one's own), `styled.py` puts them to a sentence.
Nothing here brings torch in, so that a list or a completion comes at once.
"""
