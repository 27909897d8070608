"""What a network's output means, when only its file can tell: every decision comes with its reason.

The structure of Stable Diffusion never says it. In this order decide: what was asked for, the scheduler's
configuration in a folder, marker tensors, metadata, and for SD 2 a rule on one tensor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError

SPELLINGS: Mapping[str, str] = {
    "epsilon": "epsilon", "eps": "epsilon", "v": "v", "v_prediction": "v", "v-prediction": "v",
    "sample": "clean", "clean": "clean", "flow": "flow", "flow_prediction": "flow",
}  # fmt: skip
"""Names that files have for our predictions."""

TOLD = ("modelspec.prediction_type", "modelspec.predict_key")
SPREAD = 0.09


class Decision(NamedTuple):
    """A prediction by our name, why it is that, and whether the levels end in pure noise."""

    prediction: str
    reason: str
    zero_snr: bool = False


def decide(
    family: str,
    unet: Tensors | None,
    markers: Mapping[str, object],
    *,
    metadata: Mapping[str, str],
    scheduler: Mapping[str, object] | None,
    asked: str | None,
) -> Decision:
    """What the U-Net of a file predicts; `markers` are the names of all its tensors.

    Raises CheckpointError for a prediction without a meaning here.
    """
    zero_snr = "ztsnr" in markers or bool((scheduler or {}).get("rescale_betas_zero_snr"))
    if asked is not None:
        return Decision(_ours(asked, "asked for"), "it was asked for", zero_snr)
    if scheduler is not None and "prediction_type" in scheduler:
        told = str(scheduler["prediction_type"])
        return Decision(_ours(told, "the scheduler's configuration"), f"the scheduler says {told}", zero_snr)
    for marker in ("v_pred", "edm_vpred.sigma_max"):
        if marker in markers:
            return Decision("v", f"the file has the marker {marker}", zero_snr)
    for entry in TOLD:
        if entry in metadata:
            told = metadata[entry]
            return Decision(_ours(told, entry), f"the metadata say {entry} = {told}", zero_snr)
    if family == "sd2" and unet is not None:
        return _by_spread(unet, zero_snr=zero_snr)
    return Decision("epsilon", "no marker says otherwise, and models of this family predict noise", zero_snr)


def _ours(told: str, where: str) -> str:
    name = SPELLINGS.get(told.strip().lower())
    if name is None:
        known = ", ".join(sorted(set(SPELLINGS.values())))
        raise CheckpointError(f"prediction {told!r} ({where}) is unknown; give it as one of {known}")
    return name


def _by_spread(unet: Tensors, *, zero_snr: bool) -> Decision:
    """Tell SD 2's 768-v from its 512-base, whose files differ in numbers only.

    The rule that public loaders (ComfyUI, stable-diffusion.cpp) use: in the last transformer on the way up,
    the biases of the first norm spread more where v was learned.
    """
    if unet.kinds.get("conv_in.weight", Kind("", ())).shape[1:2] != (4,):
        return Decision("epsilon", "SD 2 networks with more than 4 input channels predict noise", zero_snr)
    pattern = re.compile(r"up_blocks\.(\d+)\.attentions\.(\d+)\.transformer_blocks\.0\.norm1\.bias")
    matches = [found for name in unet.kinds if (found := pattern.fullmatch(name))]
    if not matches:
        return Decision("epsilon", "there is no transformer on its way up whose spread could tell", zero_snr)
    name = max(matches, key=lambda found: (int(found[1]), int(found[2])))[0]
    spread = float(unet.read(name).float().std(unbiased=False))
    sign, prediction = (">", "v") if spread > SPREAD else ("<=", "epsilon")
    return Decision(prediction, f"SD 2's rule: {name} spreads by {spread:.4f} {sign} {SPREAD}", zero_snr)
