"""CLIP: a text tower and an image tower whose outputs meet in one space.

Radford et al. 2021, arXiv:2103.00020, section 2.4. The text tower also speaks to the U-Net, by its hidden
states. Both towers are the same pre-norm transformer; the text tower looks back only, never ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from sfumato.models.layers.attention import attend, check_heads
from sfumato.models.layers.initial import drawn, embedding, parameter
from sfumato.models.layers.sizes import check_sizes


def quick_gelu(x: Tensor) -> Tensor:
    """The sigmoid approximation of GELU that OpenAI's CLIP was trained with: arXiv:1606.08415, section 2."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "quick_gelu": quick_gelu}


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """The shape of a text tower."""

    vocabulary: int
    length: int  # the most tokens it can read
    end: int  # the id of the end-of-text token, whose place stands for the whole sentence
    width: int
    layers: int
    heads: int
    hidden: int  # width inside the feed-forward layers
    activation: str  # a name in ACTIVATIONS
    projection: int  # into the space of pictures; 0: it has none, and the sentence stays as wide as a token

    def __post_init__(self) -> None:
        check_sizes(self, perhaps_zero=("end", "projection"))


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """The shape of an image tower."""

    size: int  # height and width of the pictures it reads
    patch: int
    width: int
    layers: int
    heads: int
    hidden: int  # width inside the feed-forward layers
    activation: str  # a name in ACTIVATIONS
    projection: int

    def __post_init__(self) -> None:
        check_sizes(self)


class SelfAttention(nn.Module):
    """Attention among the tokens of a tower; if `causal`, only to oneself and backwards."""

    def __init__(self, width: int, *, heads: int, causal: bool) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads, self.causal = heads, causal
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        return self.out_proj(attend(query, key, value, heads=self.heads, causal=self.causal))


class FeedForward(nn.Module):
    """Two linear layers with an activation between them."""

    def __init__(self, width: int, hidden: int, activation: str) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"no activation {activation!r}; there are {', '.join(ACTIVATIONS)}")
        self.activation = ACTIVATIONS[activation]
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.activation(self.fc1(x)))


class Block(nn.Module):
    """Self-attention, then a feed-forward layer, each added to its input."""

    def __init__(self, config: TextConfig | ImageConfig, *, causal: bool) -> None:
        super().__init__()
        self.self_attn = SelfAttention(config.width, heads=config.heads, causal=causal)
        self.layer_norm1 = nn.LayerNorm(config.width)
        self.mlp = FeedForward(config.width, config.hidden, config.activation)
        self.layer_norm2 = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Blocks(nn.Module):
    """A tower's stack of blocks."""

    def __init__(self, config: TextConfig | ImageConfig, *, causal: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(config, causal=causal) for _ in range(config.layers))
        for layer in self.layers:
            start(layer, config)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def states(self, x: Tensor) -> list[Tensor]:
        """`x`, and what it has become behind every layer."""
        found = [x]
        for layer in self.layers:
            found.append(layer(found[-1]))
        return found


def start(block: nn.Module, config: TextConfig | ImageConfig) -> None:
    """Draw the first weights of a block as Radford et al. did: outputs smaller, the deeper the tower."""
    into, out = config.width**-0.5, config.width**-0.5 * (2 * config.layers) ** -0.5
    for name, weight in block.named_parameters():
        if name.endswith(("out_proj.weight", "fc2.weight")):
            drawn(weight, out)
        elif name.endswith(("_proj.weight", "fc1.weight")):
            drawn(weight, into)
        elif name.endswith(("_proj.bias", "fc1.bias", "fc2.bias")):
            nn.init.zeros_(weight)


class TextEmbeddings(nn.Module):
    """What each token means plus where it stands."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.token_embedding = embedding(config.vocabulary, config.width)
        self.position_embedding = embedding(config.length, config.width)
        drawn(self.token_embedding.weight, 0.02)
        drawn(self.position_embedding.weight, 0.01)

    def forward(self, ids: Tensor) -> Tensor:
        return self.placed(self.token_embedding(ids))

    def placed(self, tokens: Tensor) -> Tensor:
        """What tokens mean (B, T, D), plus where they stand."""
        return tokens + self.position_embedding.weight[: tokens.shape[1]]


class TextTransformer(nn.Module):
    """Token ids (B, T) to hidden states (B, T, D) behind the final norm."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.embeddings = TextEmbeddings(config)
        self.encoder = Blocks(config, causal=True)
        self.final_layer_norm = nn.LayerNorm(config.width)

    def forward(self, ids: Tensor) -> Tensor:
        return self.final_layer_norm(self.encoder(self.embeddings(ids)))


class TextTower(nn.Module):
    """Reads a sentence: a vector for every token, and one for the whole."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.text_model = TextTransformer(config)
        self.text_projection: nn.Module = nn.Identity()
        if config.projection:
            self.text_projection = nn.Linear(config.width, config.projection, bias=False)
            drawn(self.text_projection.weight, config.width**-0.5)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (B, T, D) behind the final norm, and the sentence (B, P) in the space of pictures.

        `ids` is (B, T); the sentence is read off the first end-of-text token of a row, which must be there.
        Raises ValueError for more tokens than the tower can read.
        """
        self._check_length(ids.shape[1])
        hidden = self.text_model(ids)
        return hidden, self.sentence(hidden, ids)

    def states(self, tokens: Tensor) -> list[Tensor]:
        """What stands behind every layer, none of it normed, for tokens that mean `tokens` (B, T, D).

        The first is what goes into the first layer, as transformers counts them. For who wants another layer
        than the last, or puts learned vectors in the place of tokens. ValueError as in `forward`.
        """
        self._check_length(tokens.shape[1])
        return self.text_model.encoder.states(self.text_model.embeddings.placed(tokens))

    def sentence(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """What normed hidden states (B, T, D) of `ids` (B, T) say at the end of the text (B, P)."""
        ends = (ids == self.config.end).int().argmax(dim=1)
        rows = torch.arange(len(ids), device=ids.device)
        return self.text_projection(hidden[rows, ends])

    def _check_length(self, length: int) -> None:
        if length > self.config.length:
            raise ValueError(f"{length} tokens are too many for a text tower that reads {self.config.length}")


class ImageEmbeddings(nn.Module):
    """A picture (B, 3, H, W) as one token that stands for the whole and one for each patch."""

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        if config.size % config.patch:
            raise ValueError(f"a picture of {config.size} does not divide into patches of {config.patch}")
        count = (config.size // config.patch) ** 2 + 1
        self.class_embedding = parameter(config.width, std=config.width**-0.5)
        self.patch_embedding = nn.Conv2d(3, config.width, config.patch, stride=config.patch, bias=False)
        self.position_embedding = embedding(count, config.width)
        drawn(self.position_embedding.weight, config.width**-0.5)

    def forward(self, pictures: Tensor) -> Tensor:
        patches = self.patch_embedding(pictures).flatten(2).transpose(1, 2)  # (B, N, D)
        whole = self.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
        return torch.cat([whole, patches], dim=1) + self.position_embedding.weight


class ImageTransformer(nn.Module):
    """Pictures (B, 3, H, W) to what the token of the whole picture says (B, D), behind the final norm."""

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.embeddings = ImageEmbeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.width)  # spelt so in every published file
        self.encoder = Blocks(config, causal=False)
        self.post_layernorm = nn.LayerNorm(config.width)

    def forward(self, pictures: Tensor) -> Tensor:
        tokens = self.encoder(self.embedded(pictures))
        return self.post_layernorm(tokens[:, 0])

    def embedded(self, pictures: Tensor) -> Tensor:
        """What goes into the first layer."""
        return self.pre_layrnorm(self.embeddings(pictures))


class ImageTower(nn.Module):
    """Reads a picture: one vector in the space of sentences. A vision transformer, arXiv:2010.11929."""

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.config = config
        self.vision_model = ImageTransformer(config)
        self.visual_projection = nn.Linear(config.width, config.projection, bias=False)
        drawn(self.visual_projection.weight, config.width**-0.5)

    def forward(self, pictures: Tensor) -> Tensor:
        """The pictures (B, P) in the space of sentences, not normalised.

        `pictures` is (B, 3, size, size), normalised as the tower was trained; ValueError for another size.
        """
        self._check_size(pictures)
        return self.visual_projection(self.vision_model(pictures))

    def states(self, pictures: Tensor) -> list[Tensor]:
        """What stands behind every layer for the whole and for each patch (B, N + 1, D), none of it normed.

        The first is what goes into the first layer, as transformers counts them. ValueError as in `forward`.
        """
        self._check_size(pictures)
        return self.vision_model.encoder.states(self.vision_model.embedded(pictures))

    def _check_size(self, pictures: Tensor) -> None:
        height, width = pictures.shape[2:]
        if height != self.config.size or width != self.config.size:
            raise ValueError(
                f"pictures of {width}x{height} given to an image tower that reads {self.config.size}"
            )
