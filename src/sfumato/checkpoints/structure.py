"""The tensors that a network of a given build must have, by our names: what a file lacks is found by them.

The build is read off the tensors that are there (how many levels, blocks, transformers); no network is made
and torch is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain

from sfumato.checkpoints.tensors import Kind, Tensors

BOTH = ("weight", "bias")
TRANSFORMER_BLOCK = (
    *(f"norm{number}.{kind}" for number in (1, 2, 3) for kind in BOTH),
    *(f"{attention}.to_{letter}.weight" for attention in ("attn1", "attn2") for letter in "qkv"),
    *(f"{attention}.to_out.0.{kind}" for attention in ("attn1", "attn2") for kind in BOTH),
    *(f"ff.net.{layer}.{kind}" for layer in ("0.proj", "2") for kind in BOTH),
)
TEXT_BLOCK = tuple(
    f"{module}.{kind}"
    for module in (
        "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj",
        "layer_norm1", "layer_norm2", "mlp.fc1", "mlp.fc2",
    )
    for kind in BOTH
)  # fmt: skip
VAE_ATTENTION = ("group_norm", "to_q", "to_k", "to_v", "to_out.0")
TEXT = (
    "text_model.embeddings.token_embedding.weight",
    "text_model.embeddings.position_embedding.weight",
    "text_model.final_layer_norm.weight",
    "text_model.final_layer_norm.bias",
)


def needed_tensors(part: str, names: Collection[str]) -> set[str]:
    """The names that a part of the build of `names` must have; what may be left out is not among them."""
    if part == "unet":
        return set(_unet(names))
    if part == "vae":
        return set(_vae(names))
    if part.startswith("text_encoder"):
        layers = range(numbered(names, "text_model.encoder.layers."))
        return {*TEXT, *(f"text_model.encoder.layers.{n}.{leaf}" for n in layers for leaf in TEXT_BLOCK)}
    return set()


OPTIONAL = re.compile(
    r".*\.conv_shortcut\.(?:weight|bias)|text_projection\.weight|time_embedding\.cond_proj\.weight"
)


def surplus_tensors(part: str, names: Collection[str]) -> tuple[str, ...]:
    """Those of `names` that no network of their build has."""
    needed = needed_tensors(part, names)
    return tuple(name for name in names if name not in needed and not OPTIONAL.fullmatch(name))


def missing_tensors(parts: Mapping[str, Tensors]) -> tuple[str, ...]:
    """What the parts lack of what their own build needs, each name after that of its part."""
    return tuple(
        f"{part}.{name}"
        for part, tensors in parts.items()
        for name in sorted(needed_tensors(part, tensors.kinds) - tensors.kinds.keys())
    )


def odd_depths(kinds: Mapping[str, Kind]) -> str | None:
    """Why the transformers of a U-Net are not as deep as their level's elsewhere, or None if they are.

    Pruned models (SSD-1B, Vega) are so built: levels differ between the way down and the way up.
    """
    depths: dict[int, set[int]] = {}
    levels = numbered(kinds, "down_blocks.")
    for way in ("down", "up"):
        for level in range(levels):
            block = f"{way}_blocks.{level}.attentions."
            finest_first = level if way == "down" else levels - 1 - level
            for place in range(numbered(kinds, block)):
                depth = numbered(kinds, f"{block}{place}.transformer_blocks.")
                depths.setdefault(finest_first, set()).add(depth)
    odd = [level for level, found in sorted(depths.items()) if len(found) > 1]
    return f"transformers of level {odd[0]} are {sorted(depths[odd[0]])} deep" if odd else None


def _unet(names: Collection[str]) -> Iterator[str]:
    vector = any(name.startswith("add_embedding.") for name in names)
    for module in ("time_embedding", *(("add_embedding",) if vector else ())):
        yield from _both(f"{module}.linear_{number}" for number in (1, 2))
    yield from _both(("conv_in", "conv_norm_out", "conv_out"))
    yield from chain.from_iterable(_residual(f"mid_block.resnets.{number}", timed=True) for number in (0, 1))
    yield from _transformer("mid_block.attentions.0", names)
    levels = numbered(names, "down_blocks.")
    layers = numbered(names, "down_blocks.0.resnets.")
    for way, count in (("down", layers), ("up", layers + 1)):
        for level in range(levels):
            block = f"{way}_blocks.{level}"
            attends = any(name.startswith(f"{block}.attentions.") for name in names)
            for place in range(count):
                yield from _residual(f"{block}.resnets.{place}", timed=True)
                yield from _transformer(f"{block}.attentions.{place}", names, attends=attends)
            if level < levels - 1:
                yield from _both((f"{block}.{way}samplers.0.conv",))


def _vae(names: Collection[str]) -> Iterator[str]:
    for side, way in (("encoder", "down"), ("decoder", "up")):
        if not any(name.startswith(f"{side}.") for name in names):
            continue
        yield from _both(f"{side}.{module}" for module in ("conv_in", "conv_norm_out", "conv_out"))
        for place in (0, 1):
            yield from _residual(f"{side}.mid_block.resnets.{place}", timed=False)
        if any(name.startswith(f"{side}.mid_block.attentions.") for name in names):
            attention = f"{side}.mid_block.attentions.0"
            yield from _both(f"{attention}.{leaf}" for leaf in VAE_ATTENTION)
        levels = numbered(names, f"{side}.{way}_blocks.")
        for level in range(levels):
            block = f"{side}.{way}_blocks.{level}"
            for place in range(numbered(names, f"{side}.{way}_blocks.0.resnets.")):
                yield from _residual(f"{block}.resnets.{place}", timed=False)
            if level < levels - 1:
                yield from _both((f"{block}.{way}samplers.0.conv",))
    if any(name.startswith(("quant_conv.", "post_quant_conv.")) for name in names):
        yield from _both(("quant_conv", "post_quant_conv"))


def _residual(block: str, *, timed: bool) -> Iterator[str]:
    """Its shortcut may be left out: that is told by widths, not by names."""
    modules = ("norm1", "conv1", "norm2", "conv2", *(("time_emb_proj",) if timed else ()))
    return _both(f"{block}.{module}" for module in modules)


def _transformer(module: str, names: Collection[str], *, attends: bool | None = None) -> Iterator[str]:
    depth = numbered(names, f"{module}.transformer_blocks.")
    if not (depth if attends is None else attends):
        return
    yield from _both(f"{module}.{leaf}" for leaf in ("norm", "proj_in", "proj_out"))
    for block in range(max(depth, 1)):
        yield from (f"{module}.transformer_blocks.{block}.{leaf}" for leaf in TRANSFORMER_BLOCK)


def _both(modules: Iterable[str]) -> Iterator[str]:
    return (f"{module}.{kind}" for module in modules for kind in BOTH)


def numbered(names: Collection[str], prefix: str) -> int:
    """One more than the largest number that follows `prefix`."""
    pattern = re.compile(re.escape(prefix) + r"(\d+)\.")
    return 1 + max((int(found[1]) for found in map(pattern.match, names) if found), default=-1)
