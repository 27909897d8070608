"""sfumato: text-to-image diffusion, whole and readable, with a model that it trained itself."""

__version__ = "0.1.0"
