"""Loss curves from the logs of a run."""

import json

import pytest
from PIL import Image

from sfumato.errors import InputError
from sfumato.train.curves import CURVES, draw_curves


def log(folder, stage, losses):
    lines = [{"step": step, **dict.fromkeys(CURVES[stage], loss)} for step, loss in enumerate(losses)]
    (folder / f"{stage}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_every_stage_that_left_a_log_adds_a_panel(tmp_path):
    log(tmp_path, "clip", [3.0, 2.0, 1.0])
    draw_curves(tmp_path, tmp_path / "one.png")
    log(tmp_path, "diffusion", [1.0, 0.5])
    draw_curves(tmp_path, tmp_path / "two.png")
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.png") as two:
        assert two.width == 2 * one.width


def test_a_folder_without_logs_is_named_in_the_error(tmp_path):
    with pytest.raises(InputError, match=r"no training logs.*--out"):
        draw_curves(tmp_path, tmp_path / "none.png")
