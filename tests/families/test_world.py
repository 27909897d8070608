import copy
import json
import re
from dataclasses import replace

import pytest
import torch

from sfumato import families
from sfumato.checkpoints import safetensors
from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.protocol import Call, Conditioning, Extras, Level
from sfumato.errors import CheckpointError, InputError
from sfumato.families.model import Wording
from sfumato.families.world import World


def test_a_model_comes_back_from_its_file_in_every_part(tiny_world, tmp_path):
    tiny_world.save(tmp_path / "tiny.safetensors", dtype=torch.float32)
    back = World.load(tmp_path / "tiny.safetensors")
    assert (back.name, back.config, back.words, back.card) == (
        tiny_world.name, tiny_world.config, tiny_world.words, tiny_world.card,
    )  # fmt: skip
    for part in ("unet", "autoencoder", "text", "image"):
        kept, found = getattr(tiny_world, part).state_dict(), getattr(back, part).state_dict()
        assert kept.keys() == found.keys()
        assert all(torch.equal(kept[name], found[name]) for name in kept)
    assert back.tokenizer("a red cat") == tiny_world.tokenizer("a red cat")


def test_weights_are_halved_in_the_file_and_float32_in_memory(tiny_world, tiny_weights):
    assert {tensor.dtype for tensor in safetensors.load(tiny_weights).values()} == {torch.bfloat16}
    weight = World.load(tiny_weights).unet.conv_in.weight
    assert torch.equal(weight, tiny_world.unet.conv_in.weight.bfloat16().float())
    assert not weight.requires_grad


def rewritten(tiny_weights, path, change):
    """A copy of the file with ``change(metadata, tensors)`` made."""
    metadata = dict(safetensors.read_header(tiny_weights).metadata)
    tensors = safetensors.load(tiny_weights)
    change(metadata, tensors)
    safetensors.save(path, tensors, metadata)
    return path


def configured(**changes):
    def change(metadata, tensors):
        config = json.loads(metadata["sfumato.config"])
        for name, value in changes.items():
            part, _, key = name.rpartition("__")
            (config[part] if part else config)[key] = value
        metadata["sfumato.config"] = json.dumps(config)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda metadata, tensors: metadata.pop("sfumato.config"), "no sfumato.config"),
        (lambda metadata, tensors: metadata.update({"sfumato.config": "{"}), "not JSON"),
        (lambda metadata, tensors: metadata.update({"sfumato.config": "[]"}), "not an object"),
        (lambda metadata, tensors: metadata.update({"sfumato.family": "galaxy"}), "galaxy"),
        (lambda metadata, tensors: metadata.pop("sfumato.family"), "U-Net reads 2 channels"),
        (lambda metadata, tensors: metadata.update({"sfumato.words": "{}"}), "words"),
        (lambda metadata, tensors: metadata.update({"sfumato.card": "3"}), "card"),
        (lambda metadata, tensors: metadata.update({"sfumato.format": "9"}), "format 9"),
        (lambda metadata, tensors: metadata.update({"sfumato.tokenizer": "{}"}), "tokenizer"),
        (lambda metadata, tensors: tensors.pop("unet.conv_in.weight"), "unet.conv_in.weight"),
        (lambda metadata, tensors: tensors.update({"ghost.weight": torch.zeros(1)}), "ghost.weight"),
        (configured(color=1), "unknown color"),
        (configured(unet__heads=[3, 3]), "heads"),
        (configured(unet__heads="two"), "config.unet.heads"),
        (configured(latent_mean=[0.0]), "channels"),
        (configured(latent_std=[0.0, 1.0]), "latent_std"),
        (configured(native=[16, 16, 16]), "native"),
        (configured(native=[16, 18]), "native"),
        (configured(prediction="epsilon"), "flow"),
        (configured(multiple=2), "multiples of 2"),
        (configured(smallest=33), "33"),
        (configured(smallest=0), "smallest 0"),
        (configured(autoencoder__patch_size=0), "patch_size 0"),
        (configured(autoencoder__block_out_channels=[]), "block_out_channels ()"),
        (configured(unet__heads=[4]), "2, 2 and 1 levels"),
        (configured(unet__norm_groups=0), "norm_groups 0"),
        (configured(unet__block_out_channels=[8, -16]), "block_out_channels (8, -16)"),
        (configured(unet__context_width=10**30, text__width=10**30), "no network"),
        (configured(image__patch=0), "patch 0"),
        (configured(latent_mean=[10**400, 0]), "too large"),
        (configured(text__vocabulary=100), "a text tower of vocabulary 100"),
        (configured(text__end=2), "looks for end 2"),
        (configured(text__length=64), "reads 64 tokens"),
        (lambda metadata, tensors: tensors["text.text_projection.weight"].fill_(torch.nan), "not finite"),
    ],
)
def test_a_file_that_is_wrong_anywhere_is_refused_in_words(tiny_weights, tmp_path, change, said):
    path = rewritten(tiny_weights, tmp_path / "wrong.safetensors", change)
    with pytest.raises(CheckpointError, match=re.escape(said)) as caught:
        families.load(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused(tiny_weights, tmp_path):
    path = tmp_path / "short.safetensors"
    path.write_bytes(tiny_weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="cut short"):
        families.load(path)


def test_without_embedded_weights_the_error_says_how_to_get_some(monkeypatch, tmp_path):
    monkeypatch.setattr(families, "files", lambda package: tmp_path)
    with pytest.raises(CheckpointError, match="train one"):
        families.embedded()


def test_a_conditioning_attends_to_the_words_and_their_end_only(tiny_world):
    (encoded,) = tiny_world.encode([Wording(text="a red cat")])
    read = len(tiny_world.tokenizer("a red cat").ids)
    assert encoded.conditioning.context.shape == (1, 77, 16)
    assert encoded.conditioning.mask.tolist() == [[True] * read + [False] * (77 - read)]
    assert encoded.notes == ()


def test_notes_name_the_unknown_words_and_the_text_that_was_cut(tiny_world):
    (encoded,) = tiny_world.encode([Wording(text="a caste, " * 40 + "and a xylophone")])
    cut, unknown = encoded.notes
    assert "cut at 77 tokens" in cut
    assert "and a xylophone" in cut
    assert "caste" in unknown
    assert "xylophone" in unknown
    assert "write instead: castle" in unknown


@pytest.mark.parametrize(
    ("size", "way_out"),
    [((16, 18), "16x16 or 16x20"), ((4, 16), "try 8x16"), ((64, 9), "32x8 or 32x12"), ((0, 1), "8x8")],
)
def test_a_size_that_cannot_be_drawn_is_answered_with_the_nearest(tiny_world, size, way_out):
    with pytest.raises(InputError, match=f"{size[0]}x{size[1]}.*multiples of 4 from 8 to 32.*{way_out}"):
        tiny_world.check_size(size)


@pytest.mark.parametrize("size", [(8, 8), (32, 8), (12, 28)])
def test_every_allowed_size_can_be_drawn(tiny_world, size):
    tiny_world.check_size(size)
    (told,) = tiny_world.encode([Wording(text="")])
    (clean,) = tiny_world.denoise([Call(tiny_world.blank(size), Level(0.5, 0.5), told.conditioning)])
    assert tiny_world.decode(clean).shape == (1, 3, size[1], size[0])


def test_the_answer_is_the_clean_latent_of_a_flow(tiny_world, monkeypatch):
    """The true flow noise - clean, said by the network, must give back the clean latent exactly there."""
    told = tiny_world.encode([Wording(text="a castle")])[0].conditioning
    clean, noise = torch.randn(2, 2, 8, 8), torch.randn(2, 2, 8, 8)
    times = []

    def network(x, time, context, extras):
        times.append(time)
        return noise - clean

    monkeypatch.setattr(tiny_world.unet, "forward", network)
    levels = [Level(0.25, 0.75), Level(0.0, 1.0)]
    x = [level.alpha * clean[k : k + 1] + level.sigma * noise[k : k + 1] for k, level in enumerate(levels)]
    answers = tiny_world.denoise([Call(x[k], level, told) for k, level in enumerate(levels)])
    torch.testing.assert_close(torch.cat(answers), clean)
    assert times[0].tolist() == [750.0, 1000.0]


def test_levels_are_uniform_unless_another_spacing_of_flows_is_named(tiny_world):
    assert tiny_world.levels(4, None) == tiny_world.levels(4, "Uniform") == flow_uniform(4)
    assert tiny_world.levels(4, "SGM Uniform(shift=3)")[0] == Level(0.0, 1.0)
    assert tiny_world.levels(2, "custom(1, 0.3, 0)")[1] == Level(0.7, 0.3)
    with pytest.raises(InputError, match="unknown level spacing 'karas': did you mean karras"):
        tiny_world.levels(4, "karas")
    with pytest.raises(InputError, match="'leading' does not serve flow models"):
        tiny_world.levels(4, "leading")


@pytest.fixture
def attentive(tiny_world):
    """Another than ``tiny_world``, which heeds the words more."""
    unet = copy.deepcopy(tiny_world.unet)
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if "proj_out" in name:
                parameter.mul_(3)
    return replace(tiny_world, unet=unet)


def test_masked_tokens_change_nothing(attentive):
    told = attentive.encode([Wording(text="a castle")])[0].conditioning
    scrambled = torch.where(told.mask[..., None], told.context, torch.randn_like(told.context))
    x, level = torch.randn(1, 2, 8, 8), Level(0.5, 0.5)
    first, second = (
        attentive.denoise([Call(x, level, Conditioning(context, told.mask))])[0]
        for context in (told.context, scrambled)
    )
    torch.testing.assert_close(first, second)


def test_decoding_undoes_the_scale_of_latents(tiny_world, monkeypatch):
    seen = []
    monkeypatch.setattr(
        tiny_world.autoencoder, "decode", lambda latent: seen.append(latent) or torch.full((1, 3, 8, 8), 3.0)
    )
    picture = tiny_world.decode(torch.ones(1, 2, 4, 4))
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx([0.6, 1.8])
    assert picture.max() == 1.0  # clipped


def test_a_vector_is_refused_rather_than_ignored(tiny_world):
    told = tiny_world.encode([Wording(text="a castle")])[0].conditioning
    more = Conditioning(told.context, told.mask, vector=torch.ones(1, 8))
    with pytest.raises(ValueError, match="vector"):
        tiny_world.denoise([Call(torch.zeros(1, 2, 8, 8), Level(0.5, 0.5), more)])


def test_without_a_mask_the_whole_context_is_attended_to(attentive):
    told = attentive.encode([Wording(text="a castle")])[0].conditioning
    x, level = torch.randn(1, 2, 8, 8), Level(0.5, 0.5)
    bare, full, masked = (
        attentive.denoise([Call(x, level, Conditioning(told.context, mask))])[0]
        for mask in (None, torch.ones_like(told.mask), told.mask)
    )
    assert torch.equal(bare, full)
    assert not torch.allclose(bare, masked, atol=1e-6)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("different extras", {"extras": Extras()}),
        ("different networks", {"weaker": True}),
    ],
)
def test_calls_that_cannot_share_a_forward_are_refused(tiny_world, said, change):
    told = tiny_world.encode([Wording(text="a castle")])[0].conditioning
    call = Call(torch.zeros(1, 2, 8, 8), Level(0.5, 0.5), told)
    with pytest.raises(ValueError, match=said):
        tiny_world.denoise([call, call._replace(**change)])


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("attention mask", {"extras": Extras(attention_mask=torch.ones(1, 77, dtype=torch.bool))}),
        ("residuals", {"extras": Extras(residuals=())}),
        ("layers .9.*0 down_blocks.1.attentions.0", {"extras": Extras(skip=frozenset({9}))}),
        ("tiny has no weaker network", {"weaker": True}),
    ],
)
def test_what_the_network_would_not_read_is_refused_rather_than_ignored(tiny_world, said, change):
    told = tiny_world.encode([Wording(text="a castle")])[0].conditioning
    call = Call(torch.zeros(1, 2, 8, 8), Level(0.5, 0.5), told)
    with pytest.raises(ValueError, match=said):
        tiny_world.denoise([call._replace(**change)])
    with pytest.raises(ValueError, match="not distilled"):
        tiny_world.denoise([call._replace(conditioning=replace(told, guidance=3.5))])


def test_extras_reach_the_network_beside_the_mask_of_the_words(attentive):
    told = attentive.encode([Wording(text="a castle")])[0].conditioning
    call = Call(torch.randn(1, 2, 8, 8), Level(0.5, 0.5), told)
    skipping = call._replace(extras=Extras(skip=frozenset({0})))
    (whole,), (lamed,) = attentive.denoise([call]), attentive.denoise([skipping])
    assert not torch.allclose(whole, lamed, atol=1e-4)
    scrambled = torch.where(told.mask[..., None], told.context, torch.randn_like(told.context))
    (again,) = attentive.denoise([skipping._replace(conditioning=Conditioning(scrambled, told.mask))])
    torch.testing.assert_close(lamed, again)


def test_a_weaker_network_answers_the_calls_that_ask_for_it(attentive, tiny_world):
    told = attentive.encode([Wording(text="a castle")])[0].conditioning
    call = Call(torch.randn(1, 2, 8, 8), Level(0.5, 0.5), told)
    both = replace(attentive, weaker=tiny_world.unet)
    (weak,) = both.denoise([call._replace(weaker=True)])
    assert torch.equal(weak, tiny_world.denoise([call])[0])
    assert torch.equal(both.denoise([call])[0], attentive.denoise([call])[0])
    assert not torch.allclose(weak, attentive.denoise([call])[0], atol=1e-4)


def test_a_model_stored_in_eight_bits_is_smaller_and_sees_nearly_the_same(tiny_world, tmp_path):
    tiny_world.save(tmp_path / "bytes.safetensors", dtype=torch.int8)
    tiny_world.save(tmp_path / "floats.safetensors", dtype=torch.float32)
    assert (tmp_path / "bytes.safetensors").stat().st_size < 0.6 * (
        tmp_path / "floats.safetensors"
    ).stat().st_size
    again = World.load(tmp_path / "bytes.safetensors")
    latent = torch.randn(again.blank(again.native).shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert (again.decode(latent) - tiny_world.decode(latent)).abs().mean() < 0.01
