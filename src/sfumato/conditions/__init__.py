"""Conditioning pictures: what a control sees of a picture."""
