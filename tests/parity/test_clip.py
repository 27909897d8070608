"""Our towers are transformers' CLIP, weight for weight.

Published files keep the text tower under `text_model.`. Transformers 5 drops that prefix in memory from
`CLIPTextModel`, though not from `CLIPTextModelWithProjection`: the test of the former puts it back.
"""

import pytest
import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from sfumato.models.clip import ImageConfig, ImageTower, TextConfig, TextTower

END = 49
TEXTS = {
    "quick_gelu": TextConfig(
        vocabulary=50,
        length=16,
        end=END,
        width=24,
        layers=3,
        heads=4,
        hidden=48,
        activation="quick_gelu",
        projection=12,
    ),
    "gelu": TextConfig(
        vocabulary=50,
        length=11,
        end=7,
        width=16,
        layers=2,
        heads=2,
        hidden=40,
        activation="gelu",
        projection=16,
    ),
}
IMAGES = {
    "quick_gelu": ImageConfig(
        size=16, patch=4, width=24, layers=3, heads=4, hidden=48, activation="quick_gelu", projection=12
    ),
    "gelu": ImageConfig(
        size=15, patch=5, width=16, layers=2, heads=2, hidden=40, activation="gelu", projection=16
    ),
}


def reference_text(config: TextConfig) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=config.vocabulary,
        hidden_size=config.width,
        intermediate_size=config.hidden,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        max_position_embeddings=config.length,
        hidden_act=config.activation,
        projection_dim=config.projection,
        bos_token_id=0,
        eos_token_id=config.end,
        pad_token_id=config.end,
    )


def sentences(config: TextConfig, length: int) -> torch.Tensor:
    """Three rows of random ids that end at different places and are padded with the end token."""
    ids = torch.randint(10, 40, (3, length), generator=torch.Generator().manual_seed(3))
    for row, end in zip(ids, (3, length - 1, 5), strict=True):
        row[end:] = config.end
    return ids


@pytest.mark.parametrize("config", TEXTS.values(), ids=TEXTS.keys())
@torch.inference_mode()
def test_text_weights_read_the_same(config: TextConfig, randomise, epsilons):
    theirs = randomise(CLIPTextModelWithProjection(reference_text(config)))
    ours = TextTower(config)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert epsilons(ours) == epsilons(theirs)
    for length in (config.length, 8):
        ids = sentences(config, length)
        hidden, pooled = ours(ids)
        expected = theirs(ids)
        torch.testing.assert_close(hidden, expected.last_hidden_state, atol=2e-5, rtol=0)
        torch.testing.assert_close(pooled, expected.text_embeds, atol=2e-5, rtol=0)


@torch.inference_mode()
def test_a_text_encoder_without_projection_reads_the_same(randomise):
    config = TEXTS["quick_gelu"]
    theirs = randomise(CLIPTextModel(reference_text(config)))
    published = {
        "text_model." + name.removeprefix("text_model."): x for name, x in theirs.state_dict().items()
    }
    ours = TextTower(config)
    published["text_projection.weight"] = ours.text_projection.weight
    ours.load_state_dict(published, strict=True)
    ids = sentences(config, 9)
    torch.testing.assert_close(ours(ids)[0], theirs(ids).last_hidden_state, atol=2e-5, rtol=0)


@pytest.mark.parametrize("config", IMAGES.values(), ids=IMAGES.keys())
@torch.inference_mode()
def test_image_weights_see_the_same(config: ImageConfig, randomise, epsilons):
    theirs = randomise(
        CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=config.width,
                intermediate_size=config.hidden,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                image_size=config.size,
                patch_size=config.patch,
                hidden_act=config.activation,
                projection_dim=config.projection,
            )
        )
    )
    ours = ImageTower(config)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert epsilons(ours) == epsilons(theirs)
    pictures = torch.randn(2, 3, config.size, config.size, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(ours(pictures), theirs(pictures).image_embeds, atol=2e-5, rtol=0)
