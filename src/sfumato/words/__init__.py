"""Help with words: what comes next, what a model does not know, what is near, and a wish made a sentence.

`lexicon.py` is what the embedded model can be told, by kind; `complete.py` and `check.py` help while typing;
`near.py` measures in the space of a text tower; `expand.py` makes a full sentence of a vague wish, by rules
(`wish.py`, `detail.py`) or through `chat.py`, where a person has set an endpoint up. The tables are the
`.toml` files beside. Only `near.py` needs torch.
"""
