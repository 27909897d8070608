"""A ControlNet's whole training in small: a frozen model beside it, exact resume, a file to read again."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from sfumato import load
from sfumato.adapters.taught import read_taught
from sfumato.checkpoints.fingerprint import fingerprint
from sfumato.errors import CheckpointError, InputError
from sfumato.families.world import World
from sfumato.train.controlnet import KINDS, ControlRun
from sfumato.train.ip_adapter import ReferenceRun
from sfumato.train.loop import train
from sfumato.train.recipes import CONTROL_M, CONTROL_S, CONTROLS, REFERENCE_S

TEACHERS = "sfumato.train.controlnet.train"


@pytest.fixture(scope="module")
def small():
    def short(recipe):
        settings = replace(recipe.train, steps=3, batch=4, warmup=1, save_every=2, sample_every=3)
        return replace(recipe, lessons=8, hint_widths=(4, 4, 4, 4), train=settings)

    return short


@pytest.mark.parametrize("recipe", CONTROLS.values(), ids=CONTROLS.keys())
def test_a_recipe_ends_in_a_control_that_knows_its_kinds(small, weights, recipe, tmp_path):
    path = ControlRun(small(recipe), tmp_path, weights)()
    world = World.load(weights)
    control = read_taught(path, world.unet)
    assert control.kinds == (*KINDS, "canny")  # outlines, by another name
    (hint,) = control.prepare(torch.rand(1, 3, 64, 64), "edges")
    x, context = torch.randn(1, 8, 8, 8), torch.randn(1, 5, 16)
    residuals = control.residuals(x, torch.tensor([500.0]), context, (hint,))
    assert len(residuals) == len(control.hinted.network.config.skip_widths) + 1
    assert any(bool(each.abs().sum()) for each in residuals)
    with pytest.raises(InputError, match=r"taught edges, layout, canny, not 'pose'"):
        control.prepare(torch.rand(1, 3, 64, 64), "pose")


def test_training_moves_the_control_and_nothing_of_the_model(small, weights, tmp_path):
    run = ControlRun(small(CONTROL_S), tmp_path, weights)
    before = [fingerprint(network) for network in (run.world.unet, run.world.text)]
    born = {name: tensor.clone() for name, tensor in run.network().state_dict().items()}
    run()
    assert [fingerprint(network) for network in (run.world.unet, run.world.text)] == before
    saved = torch.load(tmp_path / "controlnet.checkpoint", weights_only=True)["modules"]["controlnet"]
    assert not torch.equal(saved["controlnet_mid_block.weight"], born["controlnet_mid_block.weight"])


def test_a_run_stopped_and_resumed_ends_the_same(small, weights, tmp_path, monkeypatch):
    straight = ControlRun(small(CONTROL_S), tmp_path / "straight", weights)()

    def stopping(task, settings, folder):
        train(task, settings, folder, stop_at=2)
        raise KeyboardInterrupt

    monkeypatch.setattr(TEACHERS, stopping)
    with pytest.raises(KeyboardInterrupt):
        ControlRun(small(CONTROL_S), tmp_path / "stopped", weights)()
    monkeypatch.undo()
    resumed = ControlRun(small(CONTROL_S), tmp_path / "stopped", weights)()
    first, again = tensors(straight), tensors(resumed)
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_finished_run_trains_nothing_again(small, weights, tmp_path, monkeypatch):
    first = ControlRun(small(CONTROL_S), tmp_path, weights)().read_bytes()
    monkeypatch.setattr(TEACHERS, None)
    assert ControlRun(small(CONTROL_S), tmp_path, weights)().read_bytes() == first


def test_at_birth_the_loss_is_the_models_own(small, weights, tmp_path):
    run = ControlRun(small(CONTROL_S), tmp_path, weights)
    network = run.network()
    task = run.task(network)
    with torch.no_grad():
        born = task.losses(torch.Generator().manual_seed(1))["loss"]
        network.controlnet_mid_block.bias += 1
        moved = task.losses(torch.Generator().manual_seed(1))["loss"]
        network.controlnet_mid_block.bias -= 1
        network.controlnet_cond_embedding.conv_in.weight *= 100
        assert torch.equal(task.losses(torch.Generator().manual_seed(1))["loss"], born)
    assert not torch.equal(moved, born)


def test_half_of_a_batch_has_lines_and_half_has_boxes(small, weights, tmp_path):
    recipe = replace(small(CONTROL_S), unhinted=0.0)
    task = ControlRun(recipe, tmp_path, weights).task(torch.nn.Identity())
    hints = task._hints(torch.arange(8), torch.Generator().manual_seed(1))
    grey = (hints == hints[:, :1]).flatten(1).all(1)
    assert grey[:4].all()
    assert not grey[4:].any()
    assert hints.flatten(1).any(1).all()


def test_beside_a_model_of_other_weights_a_control_says_so(small, weights, tmp_path):
    path = ControlRun(small(CONTROL_S), tmp_path, weights)()
    assert len(load(weights).hang(path)) == 1
    world = World.load(weights)
    world.unet.conv_in.bias += 1
    world.save(tmp_path / "other.safetensors")
    *_, told = load(tmp_path / "other.safetensors").hang(path)
    assert "a model of other weights" in told


def test_a_folder_of_another_model_is_refused(small, weights, tmp_path):
    ControlRun(small(CONTROL_S), tmp_path / "run", weights)
    world = World.load(weights)
    world.unet.conv_in.bias += 1
    other = tmp_path / "other.safetensors"
    world.save(other)
    with pytest.raises(CheckpointError, match="choose another folder"):
        ControlRun(small(CONTROL_S), tmp_path / "run", other)


@pytest.mark.parametrize(("recipe", "run"), [(CONTROL_S, ControlRun), (REFERENCE_S, ReferenceRun)])
def test_a_model_that_does_not_say_what_it_was_shown_is_refused(weights, tmp_path, recipe, run):
    world = World.load(weights)
    silent = tmp_path / "silent.safetensors"
    replace(world, card={}).save(silent)
    with pytest.raises(CheckpointError, match="which sprites it was shown"):
        run(recipe, tmp_path / "run", silent)
    assert not (tmp_path / "run").exists()


def test_a_file_of_anything_else_is_no_control(weights):
    with pytest.raises(CheckpointError, match="no control that sfumato trained"):
        read_taught(weights, World.load(weights).unet)


def test_the_recipe_for_a_gpu_is_the_bigger_one():
    assert CONTROL_M.train.steps * CONTROL_M.train.batch > 10 * CONTROL_S.train.steps * CONTROL_S.train.batch


def tensors(path):
    """All tensors of a weights file as they are stored; its card tells minutes, which differ."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)


def test_the_table_of_recipes_is_that_of_the_code():
    rows = {
        "lessons": [str(recipe.lessons) for recipe in CONTROLS.values()],
        "steps x batch, rate": [
            f"{each.train.steps} x {each.train.batch}, {each.train.rate:g}" for each in CONTROLS.values()
        ],
    }
    table = [f"| | {' | '.join(f'`{name}`' for name in CONTROLS)} |", "|---|---|---|"]
    table += [f"| {what} | {' | '.join(told)} |" for what, told in rows.items()]
    document = Path(__file__).parents[2] / "docs" / "control" / "trained.md"
    assert "\n".join(table) in document.read_text(), "it should be:\n" + "\n".join(table)
