"""Guides: how the answers of a network become the one that a sampler follows. One file each, one line here.

They differ in what they are made from, so a listing holds a maker:
``GUIDES["cfg"].maker(words, negative, 4.0)``. Begin with ``cfg.py``. Those that wrap another take it first:
``rescale(cfg(words, negative, 8.0), prediction)``.
"""

from sfumato.diffusion.guidance.apg import APG, apg
from sfumato.diffusion.guidance.autoguidance import AUTOGUIDANCE, autoguidance
from sfumato.diffusion.guidance.cfg import CFG, cfg
from sfumato.diffusion.guidance.cfg_pp import CFG_PP, cfg_pp
from sfumato.diffusion.guidance.cfg_zero import CFG_ZERO, cfg_zero
from sfumato.diffusion.guidance.compose import COMPOSE, compose
from sfumato.diffusion.guidance.distilled import DISTILLED, TRUE_CFG, distilled, true_cfg
from sfumato.diffusion.guidance.dynamic_thresholding import DYNAMIC_THRESHOLDING, dynamic_thresholding
from sfumato.diffusion.guidance.interval import INTERVAL, interval
from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.nag import NAG, nag
from sfumato.diffusion.guidance.none import NONE, plain
from sfumato.diffusion.guidance.pag import PAG, pag
from sfumato.diffusion.guidance.perp_neg import PERP_NEG, perp_neg
from sfumato.diffusion.guidance.pix2pix import PIX2PIX, pix2pix
from sfumato.diffusion.guidance.rescale import RESCALE, rescale
from sfumato.diffusion.guidance.seg import SEG, seg
from sfumato.diffusion.guidance.slg import SLG, slg

GUIDES: dict[str, Listing] = {
    "none": NONE,
    "cfg": CFG,
    "interval": INTERVAL,
    "rescale": RESCALE,
    "dynamic_thresholding": DYNAMIC_THRESHOLDING,
    "cfg_pp": CFG_PP,
    "apg": APG,
    "cfg_zero": CFG_ZERO,
    "perp_neg": PERP_NEG,
    "compose": COMPOSE,
    "pix2pix": PIX2PIX,
    "autoguidance": AUTOGUIDANCE,
    "pag": PAG,
    "seg": SEG,
    "slg": SLG,
    "distilled": DISTILLED,
    "true_cfg": TRUE_CFG,
    "nag": NAG,
}

__all__ = [
    "GUIDES",
    "apg",
    "autoguidance",
    "cfg",
    "cfg_pp",
    "cfg_zero",
    "compose",
    "distilled",
    "dynamic_thresholding",
    "interval",
    "nag",
    "pag",
    "perp_neg",
    "pix2pix",
    "plain",
    "rescale",
    "seg",
    "slg",
    "true_cfg",
]
