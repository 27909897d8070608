"""How a picture is drawn, as a conversation. Read this file first: all the rest speaks what is defined here.

A diffusion model can do one thing: shown a noisy latent and told how noisy it is, it guesses the clean latent
behind it. A picture is drawn by asking that again and again while the noise goes down. Four parties take
part, and each knows only its neighbours:

    sampler              guide                      engine                    network
       |                   |                          |                          |
       |  Eval(x, level)   |                          |                          |
       |------------------>|  [Call(x, "a cat"),      |                          |
       |                   |   Call(x, "")]           |                          |
       |                   |------------------------->|  rows of all live jobs,  |
       |                   |                          |  as one batch            |
       |                   |                          |------------------------->|
       |                   |                          |<-------------------------|
       |                   |<-------------------------|  one output per row      |
       |                   |  [clean, clean]          |                          |
       |<------------------|                                                     |
       |  Denoised(clean)     ... and again at the next, lower level             |
       |
       return x            the finished latent

- A **sampler** decides at which points to ask and where to go with the answer (``samplers/euler.py``).
- A **guide** turns one such question into the rows that it needs and mixes their answers: with the words and
  without, for classifier-free guidance (``guidance/cfg.py``). Guides nest: one may ``yield from`` another.
- The **engine** is the only party that runs a network. It answers many pictures at once.
- A **job** is a whole request: the words encoded, then the talk above, then the latent decoded to pixels.

Samplers, guides and jobs are Python generators. To ask is to ``yield``; the answer is the value of that
``yield``. So the state of a half-drawn picture is simply the local variables of a paused function: a preview,
a progress bar, a cancelled request, a batch shared by strangers need no code in the sampler at all. Four
rules keep it so:

1. No global mode around a ``yield``: a ``with torch.no_grad()`` would leak to whoever runs meanwhile. The
   engine alone sets ``inference_mode``.
2. Noise comes from the ``noise`` argument only (``noise.py``), so that no picture depends on its neighbours.
3. Whoever drives a generator closes it in ``finally``. Closing *is* cancelling, and it frees the tensors.
4. An asked tensor belongs to all who see it: never write into it, make a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, cast

from torch import Tensor

Question = TypeVar("Question")
Answer = TypeVar("Answer")
Result = TypeVar("Result")


class Level(NamedTuple):
    """A noise level: a noisy latent is ``alpha * clean + sigma * noise``.

    Both are Python floats; sigma is in units of the clean latent's standard deviation. Two lines of levels
    are in use, and samplers serve both: ``alpha = 1`` (epsilon, v and clean models; sigma from some 15 down
    to 0) and ``alpha = 1 - sigma`` (flow models; sigma from 1, which is pure noise, down to 0).
    """

    alpha: float
    sigma: float


class Eval(NamedTuple):
    """A sampler asks: what clean latent does the guided model see behind ``x``?"""

    x: Tensor  # (1, C, H, W)
    level: Level


class Denoised(NamedTuple):
    """A guide answers: where to go, and what else it happens to know, each (1, C, H, W).

    The noise left in ``x`` is what lies between it and the clean latent: ``clean``, unless ``noise_from``
    names another (CFG++). A sampler that heeds it says so in its listing; ``guided`` sees to it.
    """

    clean: Tensor
    unconditional: Tensor | None = None  # what the network sees without the words, or with unwanted ones
    conditional: Tensor | None = None  # what it sees given the words and nothing else
    noise_from: Tensor | None = None

    @property
    def source(self) -> Tensor:
        """The clean latent from which the noise in ``x`` is read."""
        return self.clean if self.noise_from is None else self.noise_from


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What one row of the network is told about the picture: the encoded words. Compared by identity."""

    context: Tensor  # (1, T, D), one vector per token
    mask: Tensor | None = None  # (1, T) bool, True where a token may be attended to
    vector: Tensor | None = None  # (1, V), told to the whole picture at once (SDXL's pooled text and sizes)
    guidance: float | None = None  # told to a network that was distilled from guided ones, as FLUX.1 dev was
    beside: Tensor | None = None  # (1, C', h, w), seen beside the latent: the rest of a picture with a hole
    adapters: tuple[tuple[str, float], ...] = ()  # worn by the network in this row, each with its weight
    controls: tuple[Controlled, ...] = ()  # networks beside it that read a conditioning picture
    images: tuple[ImagePrompt, ...] = ()  # pictures that are attended to beside the words
    regions: tuple[Region, ...] = ()  # parts of the picture that attend to words of their own
    later: Later | None = None  # for a run that a second network ends: SDXL's refiner


@dataclass(frozen=True, eq=False)
class Later:
    """What the network that ends a run is told, of levels of at most ``sigma``."""

    sigma: float
    conditioning: Conditioning


@dataclass(frozen=True, eq=False)
class Controlled:
    """A control that a row wears where ``last < sigma <= first``: ControlNet, T2I-Adapter."""

    name: str  # under which the model holds its network
    hint: tuple[Tensor, ...]  # what the control made of its conditioning picture, once for the whole walk
    weight: float
    first: float
    last: float


@dataclass(frozen=True, eq=False)
class ImagePrompt:
    """A reference picture that a row attends to where ``last < sigma <= first``: IP-Adapter."""

    name: str  # under which the model holds what looks at it
    role: str  # "style", "composition" or "both"
    tokens: Tensor  # (1, N, D)
    weights: tuple[float, ...]  # by the number of the layer
    first: float
    last: float


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the picture that attends to tokens ``start`` to ``stop`` of the context, and to no others.

    Tokens of no region are the rest's: what no mask covers attends to them.
    """

    mask: Tensor  # (1, 1, h, w), 0..1, at the size of the latent
    start: int
    stop: int


class Look(NamedTuple):
    """What one attention layer is about to mix: ``value`` (B, M, D) into the places of ``query`` (B, N, D).

    The N places are those of a picture of ``size`` (height, width), row by row. ``layer`` is the number of
    the transformer block, as ``Extras`` counts them.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None  # bool, broadcastable to (B, heads, N, M), True where may be attended to
    size: tuple[int, int]
    layer: int = 0


Looking: TypeAlias = Callable[[Look], Tensor]
"""How a layer looks: softmax attention in its heads, (B, N, D)."""


@dataclass(frozen=True, eq=False)
class Perturbed:
    """Layers in which ``look(looking, what)`` takes the place of ``looking(what)``."""

    look: Callable[[Looking, Look], Tensor]
    layers: frozenset[int] | None = None  # their numbers; None is all there are


@dataclass(frozen=True, eq=False)
class Extras:
    """All that may be injected into a network from outside. A new control fills these and adds none.

    Layers are numbered by the network, in the order in which it comes through them.
    """

    residuals: tuple[Tensor, ...] | None = None  # added to the skips in their order: ControlNet
    inner: tuple[Tensor | None, ...] | None = None  # and these where a skip is made, so that they flow on
    attention_mask: Tensor | None = None  # (B, T) bool, True where a token of the context may be attended to
    skip: frozenset[int] | None = None  # numbers of layers to leave out: a deliberately weaker network
    self_attention: Perturbed | None = None  # of the picture's places to each other: PAG, SEG
    cross_attention: Perturbed | None = None  # of the picture's places to the words: NAG, IP-Adapter, regions


NO_EXTRAS = Extras()


class Call(NamedTuple):
    """A guide asks for one row of one forward. It is answered with the clean latent (1, C, H, W) seen there.

    Always the clean latent: what the network's raw output means is the model's business (``prediction.py``).
    """

    x: Tensor  # (1, C, H, W)
    level: Level
    conditioning: Conditioning
    extras: Extras = NO_EXTRAS  # rows share a forward only if they share this very object
    weaker: bool = False  # asked of the family's weaker network of the same kind: autoguidance


class Noise(Protocol):
    """A picture's own source of standard normal noise, shaped, placed and typed like the tensor it is shown.

    Two kinds: fresh noise, another with every call; and the path of one Brownian motion, whose time is the
    signal-to-noise ratio ``(alpha / sigma)**2``. Walks of any step lengths look at the same path.
    """

    def __call__(self, like: Tensor) -> Tensor:
        """Fresh noise."""
        ...

    def between(self, like: Tensor, here: Level, there: Level) -> Tensor:
        """How far the path goes from one level to the next, less noisy one, scaled to unit variance.

        Disjoint stretches are independent, and adjoining ones add up to the whole (once unscaled).
        """
        ...


Steps: TypeAlias = Generator[Eval, Denoised, Tensor]
"""A sampler under way: asks ``Eval``, is sent ``Denoised``, returns the latent at the last level."""

Sampler: TypeAlias = Callable[[Tensor, Sequence[Level], Noise], Steps]
"""``sampler(x, levels, noise)``: ``x`` stands at ``levels[0]``; options of its own are keyword-only."""

Guiding: TypeAlias = Generator[list[Call], list[Tensor], Denoised]
"""A guide under way: asks rows, is sent one clean latent per row in their order, returns its mixture."""

Guide: TypeAlias = Callable[[Eval], Guiding]

Job: TypeAlias = Generator[list[Call], list[Tensor], Tensor]
"""The denoising of one picture; ``engine/job.py`` puts the words in front of it and the pixels behind it."""


def guided(steps: Steps, guide: Guide, *, renoises: bool = False) -> Job:
    """A sampler that asks a guide is a generator that asks the network; it returns the finished latent.

    ``renoises`` is what the sampler's listing says. Raises ValueError if the guide names a ``noise_from``
    that the sampler would not look at: the picture would be another than the one that was asked for.
    """
    answer = cast(Denoised, None)  # the first send starts a generator, and must send None
    try:
        while True:
            try:
                question = steps.send(answer)
            except StopIteration as done:
                return done.value
            answer = yield from guide(question)
            if answer.noise_from is not None and not renoises:
                raise ValueError(
                    "this guide says from which clean latent the noise is to be read, and this sampler does "
                    "not ask: take a sampler that renoises, such as euler, or another guide"
                )
    finally:
        steps.close()


def drive(talk: Generator[Question, Answer, Result], answer: Callable[[Question], Answer]) -> Result:
    """The result of a generator whose every question is put to ``answer``; it is closed whatever happens."""
    reply = cast(Answer, None)  # as above
    try:
        while True:
            try:
                question = talk.send(reply)
            except StopIteration as done:
                return done.value
            reply = answer(question)
    finally:
        talk.close()
