"""What extras do inside a network: layers left out, attention perturbed, negative words in the attention."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.hooks.smoothed_energy_guidance_utils import _gaussian_blur_2d
from diffusers.models.attention_processor import PAGIdentitySelfAttnProcessor2_0
from torch import nn

from sfumato.diffusion.guidance.nag import nag
from sfumato.diffusion.guidance.pag import blinded
from sfumato.diffusion.guidance.seg import Blurred, smoothed
from sfumato.diffusion.guidance.slg import skipping
from sfumato.diffusion.protocol import Conditioning, Eval, Extras, Later, Level, Look, Perturbed
from sfumato.models.layers.attention import Attention, attend
from sfumato.models.unet import UNet, UNetConfig

CONFIG = UNetConfig(
    in_channels=4,
    out_channels=4,
    block_out_channels=(8, 16),
    layers_per_block=1,
    transformer_depth=(0, 1),
    mid_transformer_depth=2,
    heads=(1, 2),
    context_width=6,
    norm_groups=4,
    linear_projection=False,
    vector_width=0,
)
LAYERS = (
    "down_blocks.1.attentions.0.transformer_blocks.0",
    "mid_block.attentions.0.transformer_blocks.0",
    "mid_block.attentions.0.transformer_blocks.1",
    "up_blocks.0.attentions.0.transformer_blocks.0",
    "up_blocks.0.attentions.1.transformer_blocks.0",
)
every_layer = pytest.mark.parametrize("layer", range(len(LAYERS)))


@pytest.fixture
def unet() -> UNet:
    """Random weights everywhere: a new network answers zero, whatever it is asked."""
    torch.manual_seed(0)
    network = UNet(CONFIG).eval().double()
    for parameter in network.parameters():
        parameter.data.normal_(std=0.3)
    return network


@pytest.fixture
def asked() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x, context = (torch.randn(shape, generator=generator).double() for shape in ((2, 4, 8, 6), (2, 5, 6)))
    return x, torch.tensor([300.0, 800.0]).double(), context


class SkippedBlock(nn.Module):
    number = 0

    def forward(self, x, *others):
        return x


class OwnValue(nn.Module):
    """Attention whose map is the identity, written without any map."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, x, context, *others, **options):
        return self.attention.to_out(self.attention.to_v(x))


def changed(unet: UNet, name: str, part) -> UNet:
    """A copy of the network with another part in that place."""
    other = copy.deepcopy(unet)
    parent, _, last = name.rpartition(".")
    setattr(other.get_submodule(parent), last, part(other.get_submodule(name)))
    return other


def test_layers_are_numbered_as_the_forward_comes_through_them(unet, asked):
    assert unet.layers == LAYERS
    passed = []
    for name in LAYERS:
        unet.get_submodule(name).register_forward_hook(lambda *args, name=name: passed.append(name))
    unet(*asked)
    assert tuple(passed) == LAYERS


@every_layer
@torch.inference_mode()
def test_a_skipped_layer_gives_back_what_it_got(unet, asked, layer):
    lamed = unet(*asked, skipping(frozenset({layer})))
    torch.testing.assert_close(lamed, changed(unet, LAYERS[layer], lambda block: SkippedBlock())(*asked))
    assert not torch.allclose(lamed, unet(*asked), atol=1e-3)


@torch.inference_mode()
def test_several_layers_are_skipped_together(unet, asked):
    both = changed(changed(unet, LAYERS[1], lambda _: SkippedBlock()), LAYERS[3], lambda _: SkippedBlock())
    torch.testing.assert_close(unet(*asked, skipping(frozenset({1, 3}))), both(*asked))


@every_layer
@torch.inference_mode()
def test_a_blinded_layer_sees_only_itself_at_every_place(unet, asked, layer):
    lamed = unet(*asked, blinded(frozenset({layer})))
    torch.testing.assert_close(lamed, changed(unet, f"{LAYERS[layer]}.attn1", OwnValue)(*asked))
    assert not torch.allclose(lamed, unet(*asked), atol=1e-3)


@torch.inference_mode()
def test_an_identity_map_is_the_limit_of_attention_that_is_told_to_look_nowhere_else(unet, asked):
    def eyes_closed(looking, what: Look):
        places = what.query.shape[1]
        return looking(what._replace(mask=torch.eye(places, dtype=torch.bool)))

    told = Extras(self_attention=Perturbed(eyes_closed, frozenset({2})))
    torch.testing.assert_close(unet(*asked, told), unet(*asked, blinded(frozenset({2}))))


@torch.inference_mode()
def test_perturbed_attention_is_that_of_the_reference():
    torch.manual_seed(3)
    theirs = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=6,
        attention_head_dim=(1, 2),
        norm_num_groups=4,
        transformer_layers_per_block=1,
    ).eval()
    for parameter in theirs.parameters():
        parameter.data.normal_(std=0.3)
    ours = UNet(UNetConfig(**{**vars(CONFIG), "mid_transformer_depth": 1})).eval()
    ours.load_state_dict(theirs.state_dict())
    x, context, time = torch.randn(1, 4, 8, 8), torch.randn(1, 5, 6), torch.tensor([300.0])
    attention = theirs.mid_block.attentions[0].transformer_blocks[0].attn1
    attention.set_processor(PAGIdentitySelfAttnProcessor2_0())  # it perturbs the second half of the rows
    wanted = theirs(x.repeat(2, 1, 1, 1), time, context.repeat(2, 1, 1)).sample
    middle = ours.layers.index("mid_block.attentions.0.transformer_blocks.0")
    plain, poor = (ours(x, time, context, extras) for extras in (Extras(), blinded(frozenset({middle}))))
    torch.testing.assert_close(torch.cat([plain, poor]), wanted, atol=2e-5, rtol=2e-5)
    assert not torch.allclose(plain, poor, atol=1e-3)


def looked(blur: float, size: tuple[int, int], width: int = 6) -> tuple[torch.Tensor, Look, Look]:
    """What was asked, and what the layer was made to look with."""
    places = size[0] * size[1]
    query, key, value = torch.randn(3, 2, places, width, dtype=torch.float64)
    what, seen = Look(query, key, value, None, size), []
    mixed = Blurred(blur)(lambda look: seen.append(look) or look.value, what)
    assert torch.equal(mixed, value)
    return query, what, seen[0]


@pytest.mark.parametrize(("blur", "side"), [(0.4, 5), (1.0, 8), (1.0, 7), (3.0, 8), (50.0, 5)])
def test_the_blur_is_that_of_the_reference(blur, side):
    """In diffusers 0.42 the cases of an endless and a finite blur stand the wrong way round.

    Its finite one is reached by a threshold below every blur.
    """
    query, _, seen = looked(blur, (side, side))
    kernel = math.ceil(6 * blur) + 1 - math.ceil(6 * blur) % 2
    wanted = _gaussian_blur_2d(query.clone(), kernel, blur, -1.0)  # its kernel is made in float32
    torch.testing.assert_close(seen.query, wanted, atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("size", [(4, 7), (6, 3), (1, 5), (8, 8)])
@pytest.mark.parametrize("blur", [0.5, 1.5, math.inf])
def test_blurring_queries_is_blurring_the_attention_weights(blur, size):
    _, what, seen = looked(blur, size)
    assert torch.equal(seen.key, what.key)
    weights, blurred = (look.query @ look.key.transpose(1, 2) for look in (what, seen))
    one_by_one = [
        Blurred(blur)(lambda look: look.query, what._replace(query=column))
        for column in weights.split(1, dim=2)
    ]
    torch.testing.assert_close(blurred, torch.cat(one_by_one, dim=2))
    even = torch.ones(1, math.prod(size), 2)
    torch.testing.assert_close(Blurred(blur)(lambda look: look.query, what._replace(query=even)), even)
    if blur == math.inf:
        torch.testing.assert_close(blurred, weights.mean(1, keepdim=True).expand_as(weights))


@torch.inference_mode()
def test_a_smoothed_layer_attends_with_its_blurred_weights(unet, asked):
    class Smoothed(OwnValue):
        def forward(self, x, context, *others, **options):
            attention = self.attention
            query, key, value = attention.to_q(x), attention.to_k(x), attention.to_v(x)
            across = query.view(2, 4, 3, 16).mean((1, 2))[:, None].expand_as(query)  # 8x6, halved
            return attention.to_out(attend(across, key, value, heads=attention.heads))

    lamed = unet(*asked, smoothed(frozenset({1}), math.inf))
    torch.testing.assert_close(lamed, changed(unet, f"{LAYERS[1]}.attn1", Smoothed)(*asked))
    slightly = unet(*asked, smoothed(frozenset({1}), 1e-3))
    torch.testing.assert_close(slightly, unet(*asked))


@pytest.mark.parametrize(
    "extras",
    [
        skipping(frozenset({1, 5})),
        blinded(frozenset({5})),
        smoothed(frozenset({-1}), 1.0),
        Extras(cross_attention=Perturbed(lambda looking, what: what.query, frozenset({9}))),
    ],
)
def test_a_layer_that_there_is_not_is_an_error_that_names_those_there_are(unet, asked, extras):
    with pytest.raises(ValueError, match=r"layers \[(5|-1|9)\] .*there are 0 down_blocks.1.*, 4 up_blocks.0"):
        unet(*asked, extras)


def test_a_network_without_attention_cannot_be_perturbed(asked):
    bare = UNet(
        UNetConfig(**{**vars(CONFIG), "transformer_depth": (0, 0), "mid_transformer_depth": 0})
    ).double()
    everywhere = Extras(cross_attention=Perturbed(lambda looking, what: looking(what)))
    with pytest.raises(ValueError, match="there are none"):
        bare(*asked, everywhere)


@torch.inference_mode()
def test_rows_that_are_perturbed_do_not_see_each_other(unet, asked):
    for extras in (skipping(frozenset({0})), blinded(frozenset({1})), smoothed(frozenset({1}), 1.0)):
        together = unet(*asked, extras)
        for row in range(2):
            alone = unet(*(tensor[row : row + 1] for tensor in asked), extras)
            torch.testing.assert_close(together[row : row + 1], alone)


def test_a_perturbed_network_compiles_as_one_graph(unet, asked):
    compiled = torch.compile(unet, backend="eager", fullgraph=True)
    for extras in (skipping(frozenset({0})), blinded(frozenset({1}))):
        torch.testing.assert_close(compiled(*asked, extras), unet(*asked, extras))


# negative words in the attention ------------------------------------------------------------------


def through_nag(unet: UNet, asked, told: Conditioning, unwanted: Conditioning, scale: float, **options):
    x, time, _ = asked
    (call,) = next(nag(told, unwanted, scale, **options)(Eval(x[:1], Level(0.5, 0.5))))
    extras = Extras(
        attention_mask=call.conditioning.mask, cross_attention=call.extras.cross_attention
    )  # as a family joins them
    return unet(x[:1], time[:1], call.conditioning.context, extras)


def conditionings(masked: bool) -> tuple[Conditioning, Conditioning]:
    generator = torch.Generator().manual_seed(5)
    first, second = (torch.randn(1, tokens, 6, generator=generator).double() for tokens in (5, 4))
    masks = (torch.arange(5)[None] < 3, torch.arange(4)[None] < 2) if masked else (None, None)
    return Conditioning(first, masks[0]), Conditioning(second, masks[1])


@pytest.mark.parametrize("masked", [False, True])
@torch.inference_mode()
def test_nag_without_strength_is_the_plain_guess(unet, asked, masked):
    told, unwanted = conditionings(masked)
    x, time, _ = asked
    plain = unet(x[:1], time[:1], told.context, Extras(attention_mask=told.mask))
    for scale, options in ((1.0, {}), (4.0, {"alpha": 0.0})):
        torch.testing.assert_close(through_nag(unet, asked, told, unwanted, scale, **options), plain)
    torch.testing.assert_close(through_nag(unet, asked, told, told, 4.0), plain)
    assert not torch.allclose(through_nag(unet, asked, told, unwanted, 4.0), plain, atol=1e-3)


class Nagged(nn.Module):
    """The paper's attention, layer by layer, with both contexts in its hands."""

    def __init__(self, attention: Attention, told: Conditioning, unwanted: Conditioning) -> None:
        super().__init__()
        self.attention, self.told, self.unwanted = attention, told, unwanted

    def look(self, x, told: Conditioning):
        a = self.attention
        heads = [
            part.unflatten(2, (a.heads, -1))
            for part in (a.to_q(x), a.to_k(told.context), a.to_v(told.context))
        ]
        weights = torch.einsum("bnhd,bmhd->bhnm", heads[0], heads[1]) / math.sqrt(heads[0].shape[-1])
        if told.mask is not None:
            weights = weights + torch.where(told.mask, 0.0, -math.inf)
        return torch.einsum("bhnm,bmhd->bnhd", weights.softmax(-1), heads[2]).flatten(2)

    def forward(self, x, *others, **options):
        wanted, unwanted = self.look(x, self.told), self.look(x, self.unwanted)
        out = 4.0 * wanted - 3.0 * unwanted
        ratio = out.abs().sum(-1, keepdim=True) / wanted.abs().sum(-1, keepdim=True)
        out = torch.where(ratio > 1.5, out * 1.5 / ratio, out)
        return self.attention.to_out(0.3 * out + 0.7 * wanted)


@pytest.mark.parametrize("masked", [False, True])
@torch.inference_mode()
def test_nag_is_the_paper_s_attention_in_every_layer(unet, asked, masked):
    told, unwanted = conditionings(masked)
    by_hand = unet
    for name in LAYERS:
        by_hand = changed(by_hand, f"{name}.attn2", lambda attention: Nagged(attention, told, unwanted))
    x, time, _ = asked
    wanted = by_hand(x[:1], time[:1], told.context)
    got = through_nag(unet, asked, told, unwanted, 4.0, tau=1.5, alpha=0.3)
    torch.testing.assert_close(got, wanted)


def test_nag_joins_what_has_a_mask_with_what_has_none_and_refuses_wrong_shares():
    (told, _), (_, unwanted) = conditionings(masked=True), conditionings(masked=False)
    (call,) = next(nag(told, unwanted, 3.0)(Eval(torch.zeros(1, 4, 2, 2), Level(0.5, 0.5))))
    assert call.conditioning.mask.tolist() == [[True] * 3 + [False] * 2 + [True] * 4]
    for options in ({"tau": 0.5}, {"alpha": 1.5}):
        with pytest.raises(ValueError, match=r"tau 0\.5|alpha 1\.5"):
            nag(told, unwanted, 3.0, **options)


def test_nag_keeps_all_else_that_the_words_row_is_told():
    told, unwanted = conditionings(masked=False)
    beside = torch.ones(1, 4, 2, 2)
    worn = replace(told, adapters=(("ink", 0.8),), beside=beside, later=Later(0.3, told))
    (call,) = next(
        nag(worn, replace(unwanted, later=Later(0.3, unwanted)), 3.0)(Eval(beside, Level(0.5, 0.5)))
    )
    assert call.conditioning.adapters == (("ink", 0.8),)
    assert call.conditioning.beside is beside
    both = torch.cat([told.context, unwanted.context], dim=1)
    assert torch.equal(call.conditioning.later.conditioning.context, both)
