"""The mathematics of diffusion on tensors and floats: no files, no prompts, no networks. Begin at ``protocol``."""
