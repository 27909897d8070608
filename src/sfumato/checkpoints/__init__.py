"""Weights on disk: opened lazily (``open.py`` first), told apart, loaded strictly, written atomically."""
