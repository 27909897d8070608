"""Weights on disk: read lazily, load strictly, write atomically."""
