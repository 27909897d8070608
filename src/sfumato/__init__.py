"""sfumato: text-to-image diffusion, whole and readable, with a model that it trained itself."""

from sfumato.version import __version__

__all__ = ["__version__"]
