"""Blocks that more than one network is made of: attention, residual convolutions, embeddings, resampling."""
