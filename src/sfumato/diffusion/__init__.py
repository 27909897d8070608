"""The mathematics of diffusion on tensors and floats: no files or networks. Begin at ``protocol``."""
