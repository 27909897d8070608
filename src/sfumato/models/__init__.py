"""The networks: every one an `nn.Module` with one straight `forward`, knowing no files, devices or prompts.

Parameters carry the names of the published diffusers/transformers files, so their state dicts load unchanged.
Start with `unet.py`; `layers/` holds the blocks that the networks share.
"""
