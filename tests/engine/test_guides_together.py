"""Guides of every kind in one batch, through a real network: each picture is the one it is alone."""

import copy
from dataclasses import replace

import pytest
import torch

from sfumato.diffusion.guidance import (
    GUIDES,
    apg,
    autoguidance,
    cfg,
    cfg_pp,
    interval,
    nag,
    pag,
    plain,
    seg,
    slg,
)
from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Call, Conditioning, Level, guided
from sfumato.diffusion.samplers.euler import euler
from sfumato.engine.engine import Engine
from sfumato.engine.job import Drawn
from sfumato.families.model import Wording


@pytest.fixture(scope="module")
def world(tiny_world):
    """``tiny_world`` with a weaker network: the same, disturbed."""
    torch.manual_seed(4)
    weaker = copy.deepcopy(tiny_world.unet)
    for parameter in weaker.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return replace(tiny_world, weaker=weaker)


def guides(world):
    wordings = [Wording(text=text) for text in ("a castle", "", "two yellow fish")]
    castle, nothing, fish = (told.conditioning for told in world.encode(wordings))
    base = cfg(castle, nothing, 4.0)
    return {
        "none": plain(castle),
        "cfg": base,
        "interval": interval(base, plain(castle), start=0.3, stop=0.7),
        "cfg_pp": cfg_pp(castle, fish, 0.6),
        "apg": apg(castle, nothing, 6.0),
        "pag": pag(base, castle, 2.0, layers=[1]),
        "pag of another": pag(cfg(fish, nothing, 3.0), fish, 2.0, layers=[1]),
        "seg": seg(base, castle, 2.0, layers=[1], blur=1.0),
        "slg": slg(base, castle, 2.0, layers=[0, 2], start=0.0, stop=0.5),
        "autoguidance": autoguidance(castle, 2.0),
        "nag": nag(castle, fish, 4.0),
    }


def drawing(world, guide, seed):
    x = SeededNoise(seed)(world.blank((16, 16)))
    latent = yield from guided(euler(x, flow_uniform(3), SeededNoise(seed)), guide, renoises=True)
    return Drawn(latent, ())


def drawn(world, jobs) -> list[torch.Tensor]:
    outcomes = {}
    for ended in Engine(world).run(jobs, at_once=len(jobs)):
        outcomes |= {each.number: each.outcome for each in ended}
    assert all(isinstance(outcome, Drawn) for outcome in outcomes.values()), outcomes
    return [outcomes[number].picture for number in sorted(outcomes)]


def test_a_guided_picture_in_a_mixed_batch_is_the_picture_alone(world):
    names = list(guides(world))
    together = drawn(world, [drawing(world, guide, 7) for guide in guides(world).values()])
    alone = [drawn(world, [drawing(world, guides(world)[name], 7)])[0] for name in names]
    assert [name for name, a, b in zip(names, together, alone, strict=True) if not torch.equal(a, b)] == []
    unlike = {
        name: (picture - together[0]).abs().max() for name, picture in zip(names, together, strict=True)
    }
    assert {name for name, change in unlike.items() if change < 1e-3} == {"none"}
    assert set(GUIDES).issuperset(set(names) - {"pag of another"})


def test_perturbed_rows_of_different_pictures_share_a_forward(world):
    batches = []

    class Watched:
        def __getattr__(self, name):
            return getattr(world, name)

        def denoise(self, calls):
            batches.append([call.extras.self_attention is not None for call in calls])
            return world.denoise(calls)

    made = guides(world)
    jobs = [drawing(world, made[name], 3) for name in ("pag", "pag of another")]
    drawn(Watched(), jobs)
    assert sorted(batches) == sorted([[False, False], [False, False], [True, True]] * 3)


def test_rows_that_are_told_different_kinds_of_things_share_no_forward(world):
    """A scale of guidance, or another network: one forward cannot read it for some of its rows only."""
    told = Conditioning(torch.zeros(1, 3, 16))
    batches = []

    class Watched:
        def __getattr__(self, name):
            return getattr(world, name)

        def denoise(self, calls):
            batches.append({(call.conditioning.guidance is None, call.weaker) for call in calls})
            return [call.x for call in calls]

    def asking():
        call = Call(torch.zeros(1, 2, 4, 4), Level(0.5, 0.5), told)
        scale = replace(told, guidance=3.5)
        yield [call, call._replace(conditioning=scale), call._replace(weaker=True), call]
        return Drawn(call.x, ())

    drawn(Watched(), [asking()])
    assert len(batches) == 3
    assert all(len(kinds) == 1 for kinds in batches)
