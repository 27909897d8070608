"""What original files call the tensors of our networks: one table per network, for both directions."""

from sfumato.checkpoints.keys.clip import clip, openclip
from sfumato.checkpoints.keys.controlnet import controlnet
from sfumato.checkpoints.keys.rules import KeyMap, Pair, Rule
from sfumato.checkpoints.keys.t2i import t2i
from sfumato.checkpoints.keys.unet import unet
from sfumato.checkpoints.keys.vae import renamed_vae, vae

__all__ = ["KeyMap", "Pair", "Rule", "clip", "controlnet", "openclip", "renamed_vae", "t2i", "unet", "vae"]
