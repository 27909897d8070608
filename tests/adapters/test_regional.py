"""Regions inside the attention: whose words a place looks at, and that no row is changed by another's."""

import pytest
import torch

from sfumato.adapters.regional import regional_look
from sfumato.diffusion.guidance.nag import Normalized
from sfumato.diffusion.protocol import Look, Perturbed, Region
from sfumato.models.layers.attention import attend

TOKENS, WIDTH, SIZE = 4, 8, (4, 6)


def looking(what: Look) -> torch.Tensor:
    return attend(what.query, what.key, what.value, heads=2, mask=what.mask)


def what(rows=2, parts=3, *, masked=False) -> Look:
    """A layer's look at the words of ``parts`` texts, one behind the other."""
    generator = torch.Generator().manual_seed(1)
    query = torch.randn(rows, SIZE[0] * SIZE[1], WIDTH, generator=generator)
    key, value = (torch.randn(rows, parts * TOKENS, WIDTH, generator=generator) for _ in range(2))
    mask = (
        (torch.arange(parts * TOKENS) % TOKENS < 3)[None, None, None].expand(rows, 1, 1, -1)
        if masked
        else None
    )
    return Look(query, key, value, mask, SIZE)


def at(look: Look, part: int) -> torch.Tensor:
    """What is seen of one text alone."""
    tokens = slice(part * TOKENS, (part + 1) * TOKENS)
    mask = None if look.mask is None else look.mask[..., tokens]
    return looking(look._replace(key=look.key[:, tokens], value=look.value[:, tokens], mask=mask))


def region(part: int, columns: slice, size=(4, 6), share=1.0) -> Region:
    mask = torch.zeros(1, 1, *size)
    mask[..., columns] = share
    return Region(mask, part * TOKENS, (part + 1) * TOKENS)


def pictured(mixed: torch.Tensor) -> torch.Tensor:
    return mixed.unflatten(1, SIZE)  # (B, h, w, D)


@pytest.mark.parametrize("masked", [False, True])
def test_each_place_looks_at_its_region_s_words_and_the_others_at_the_rest(masked):
    rows = [(region(1, slice(0, 2)), region(2, slice(4, 6)))] * 2
    mixed = pictured(regional_look(rows, None)(looking, what(masked=masked)))
    for part, columns in ((1, slice(0, 2)), (2, slice(4, 6)), (0, slice(2, 4))):
        assert torch.equal(mixed[:, :, columns], pictured(at(what(masked=masked), part))[:, :, columns])


def test_soft_masks_mix_what_is_seen():
    mixed = regional_look([(region(1, slice(0, 6), share=0.25),)] * 2, None)(looking, what(parts=2))
    torch.testing.assert_close(mixed, 0.25 * at(what(parts=2), 1) + 0.75 * at(what(parts=2), 0))


def test_masks_are_brought_to_the_layer_s_size():
    fine = region(1, slice(0, 6), size=(8, 12))
    coarse = region(1, slice(0, 3))
    looks = (regional_look([(each,)] * 2, None)(looking, what(parts=2)) for each in (fine, coarse))
    assert torch.equal(*looks)


def test_a_region_that_covers_everything_is_a_look_at_its_words_alone_bit_for_bit():
    mixed = regional_look([(region(1, slice(0, 6)),)] * 2, None)(looking, what(parts=2))
    assert torch.equal(mixed, at(what(parts=2), 1))


def test_a_row_without_regions_looks_as_if_none_had_any_and_no_row_sees_the_other_s():
    mine, other = (region(1, slice(0, 3)),), (region(1, slice(0, 2)), region(2, slice(2, 5)))
    alone = {rows: regional_look([rows] * 2, None)(looking, what()) for rows in ((), mine, other)}
    assert torch.equal(alone[()], looking(what()))
    for pair in (((), mine), (mine, other), (other, ())):
        together = regional_look(pair, None)(looking, what())
        for number, rows in enumerate(pair):
            assert torch.equal(together[number], alone[rows][number])


def test_negative_words_in_the_attention_are_told_to_every_region():
    """NAG puts its words behind all others: each region goes away from them."""
    nag = Perturbed(Normalized(TOKENS, 4.0, 2.5, 0.5))
    mixed = pictured(regional_look([(region(1, slice(0, 3)),)] * 2, nag)(looking, what()))
    full = what()
    for part, columns in ((1, slice(0, 3)), (0, slice(3, 6))):
        tokens = [*range(part * TOKENS, (part + 1) * TOKENS), *range(2 * TOKENS, 3 * TOKENS)]
        apart = nag.look(looking, full._replace(key=full.key[:, tokens], value=full.value[:, tokens]))
        assert torch.equal(mixed[:, :, columns], pictured(apart)[:, :, columns])


def test_a_look_that_is_bent_in_some_layers_is_so_there_alone():
    bent = Perturbed(lambda looking, what: torch.zeros_like(what.query), frozenset({3}))
    look = regional_look([(region(1, slice(0, 3)),)] * 2, bent)
    assert not look(looking, what(parts=2)._replace(layer=3)).any()
    plain = regional_look([(region(1, slice(0, 3)),)] * 2, None)(looking, what(parts=2))
    assert torch.equal(look(looking, what(parts=2)._replace(layer=2)), plain)
