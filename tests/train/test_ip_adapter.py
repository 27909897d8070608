"""A reader of references, trained in small: who refers to whom, exact resume, a file that is read again."""

from dataclasses import replace

import pytest
import torch
from safetensors import safe_open

from sfumato.adapters.controls import ImageReader
from sfumato.adapters.world_reference import read_world_reference
from sfumato.checkpoints.fingerprint import fingerprint
from sfumato.diffusion.protocol import Look
from sfumato.errors import CheckpointError, InputError
from sfumato.families.world import World
from sfumato.models.clip import ImageTower
from sfumato.models.reference import BOTH, COMPOSITION, ROLES, STYLE
from sfumato.models.unet import UNet
from sfumato.train.ip_adapter import WORDED, ReferenceRun
from sfumato.train.loop import train
from sfumato.train.pairs import GROUP, WORDINGS, group, wordings
from sfumato.train.recipes import REFERENCE_S, REFERENCES, WORLD_S
from sfumato.world.split import held_out

LEARNING = "sfumato.train.ip_adapter.train"
VARIETY = replace(REFERENCE_S.variety, sprites=WORLD_S.variety.sprites)


@pytest.fixture(scope="module")
def small():
    def short(recipe):
        settings = replace(recipe.train, steps=3, batch=6, warmup=1, save_every=2, sample_every=3)
        layouts = {name: 1.0 for name in recipe.variety.layouts if name != "list"}  # six sprites are too few
        variety = replace(recipe.variety, layouts=layouts)
        return replace(recipe, variety=variety, groups=4, tokens=2, inner=64, layers=1, train=settings)

    return short


@pytest.fixture(scope="module")
def task(small, weights, tmp_path_factory):
    run = ReferenceRun(small(REFERENCE_S), tmp_path_factory.mktemp("task"), weights)
    return run.task(run.network())


@pytest.mark.parametrize("recipe", REFERENCES.values(), ids=REFERENCES.keys())
def test_a_recipe_ends_in_a_reader_of_every_role(small, weights, recipe, tmp_path):
    path = ReferenceRun(small(recipe), tmp_path, weights)()
    world = World.load(weights)
    reader = read_world_reference(path, world.unet, world.image)
    assert isinstance(reader, ImageReader)
    assert reader.roles == ROLES
    for role in ROLES:
        tokens, unwanted = reader.look(torch.rand(1, 3, 80, 64), role)
        query = torch.randn(1, 6, 16)
        what = Look(query, query, query, None, (2, 3), 1)
        assert reader.mixed(what, tokens, role).abs().max() > 0
        assert reader.mixed(what, unwanted, role).abs().max() == 0
        assert reader.weights(role, 0.5) == (0.5,) * len(world.unet.layers)


def test_training_moves_the_reader_and_nothing_of_the_model(small, weights, tmp_path):
    run = ReferenceRun(small(REFERENCE_S), tmp_path, weights)
    parts = (run.world.unet, run.world.text, run.world.image)
    before = [fingerprint(network) for network in parts]
    run()
    assert [fingerprint(network) for network in parts] == before
    saved = torch.load(tmp_path / "reference.checkpoint", weights_only=True)["modules"]["reference"]
    moved = ["composition.told.0.weight", *(name for name in saved if "to_v_ip" in name)]
    assert all(saved[name].any() for name in moved)  # they begin as zeros


def test_a_run_stopped_and_resumed_ends_the_same(small, weights, tmp_path, monkeypatch):
    straight = ReferenceRun(small(REFERENCE_S), tmp_path / "straight", weights)()

    def stopping(task, settings, folder):
        train(task, settings, folder, stop_at=2)
        raise KeyboardInterrupt

    monkeypatch.setattr(LEARNING, stopping)
    with pytest.raises(KeyboardInterrupt):
        ReferenceRun(small(REFERENCE_S), tmp_path / "stopped", weights)()
    monkeypatch.undo()
    resumed = ReferenceRun(small(REFERENCE_S), tmp_path / "stopped", weights)()
    first, again = tensors(straight), tensors(resumed)
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)


def tensors(path):
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)


def test_a_finished_run_trains_nothing_again(small, weights, tmp_path, monkeypatch):
    first = ReferenceRun(small(REFERENCE_S), tmp_path, weights)().read_bytes()
    monkeypatch.setattr(LEARNING, None)
    assert ReferenceRun(small(REFERENCE_S), tmp_path, weights)().read_bytes() == first


def test_four_scenes_share_a_layout_and_two_each_a_look_and_a_cast():
    for seed in range(40):
        four = group(seed, VARIETY)
        assert len(four) == GROUP
        assert not any(map(held_out, four))
        layouts = {tuple(thing.places for thing in scene.things) for scene in four}
        looks = [(scene.style, scene.background) for scene in four]
        casts = [[(thing.sprite, thing.colour) for thing in scene.things] for scene in four]
        assert len(layouts) == 1
        assert looks[0] == looks[1]
        assert looks[2] == looks[3]
        assert looks[0][0] != looks[2][0]
        assert looks[0][1] != looks[2][1]
        assert casts[0] == casts[2]
        assert casts[1] == casts[3]
        assert not {sprite for sprite, _ in casts[0]} & {sprite for sprite, _ in casts[1]}


def test_words_leave_out_what_their_column_says():
    said = [dict(zip(WORDINGS, wordings(group(seed, VARIETY)[0], seed), strict=True)) for seed in range(200)]
    looks = (
        "watercolo",
        "pixel art",
        "ink wash",
        "oil paint",
        "pencil",
        "neon",
        "cyberpunk",
        "cinematic",
        "sticker",
    )
    places = ("left", "right", "above", "below", "under", "over", "beneath", "tiny", "huge", "on top")
    for column in ("no look", "background only", "neither"):
        assert not [each[column] for each in said if any(word in each[column] for word in looks)]
    for column in ("no places", "neither"):
        assert not [each[column] for each in said if any(f" {word} " in each[column] for word in places)]
    assert any(" left " in each["no look"] for each in said)
    assert any("neon" in each["no places"] for each in said)


def test_each_role_refers_to_a_picture_that_shows_what_it_says(task):
    drawn = [task._drawn(torch.Generator().manual_seed(seed)) for seed in range(60)]
    rows, references, style, composition, columns = (
        torch.cat([getattr(each, name) for each in drawn])
        for name in ("rows", "references", "style", "composition", "wordings")
    )
    styles, backgrounds = task.pairs.styles, task.pairs.backgrounds
    alone, arranged, both = style & ~composition, composition & ~style, style & composition
    assert all(bool(rows.any()) for rows in (alone, arranged, both))
    assert torch.equal(styles[rows][style], styles[references][style])
    free = columns == WORDINGS.index("background only")
    assert torch.equal(backgrounds[rows][style & ~free], backgrounds[references][style & ~free])
    assert torch.equal((rows // GROUP)[composition], (references // GROUP)[composition])
    assert (styles[rows] != styles[references])[arranged].all()
    assert (rows % 2 != references % 2)[both].all()  # another cast
    for role, minded in ((STYLE, alone), (COMPOSITION, arranged), (BOTH, both)):
        assert {WORDINGS[int(column)] for column in columns[minded]} == set(WORDED[role])


def test_at_birth_the_loss_is_the_models_own(task):
    with torch.no_grad():
        born = task.losses(torch.Generator().manual_seed(1))["loss"]
        task.reference.style.image_proj.latents += 1
        assert torch.equal(task.losses(torch.Generator().manual_seed(1))["loss"], born)
        task.reference.composition.told[-1].weight.normal_(std=10)
        assert not torch.equal(task.losses(torch.Generator().manual_seed(1))["loss"], born)


def test_a_reader_is_refused_by_what_it_is_not_for(small, weights, tmp_path):
    path = ReferenceRun(small(REFERENCE_S), tmp_path, weights)()
    world = World.load(weights)
    with pytest.raises(CheckpointError, match="no reader of references"):
        read_world_reference(weights, world.unet, world.image)
    wide = UNet(replace(world.config.unet, context_width=32))
    tower = ImageTower(replace(world.config.image, width=32))
    with pytest.raises(CheckpointError, match=r"another model: of widths \(16, 16, 16\).*\(32, 32, 32\)"):
        read_world_reference(path, wide, tower)
    reader = read_world_reference(path, world.unet, world.image)
    with pytest.raises(InputError, match=r"as 'mood': take it as style, composition, both"):
        reader.look(torch.rand(1, 3, 64, 64), "mood")


def test_too_few_sprites_for_two_casts_are_told():
    variety = replace(VARIETY, sprites=("cat", "bus"), layouts={"pair": 1.0})
    with pytest.raises(ValueError, match="2 sprites are too few for another 2 in one layout"):
        group(0, variety)
