"""What `--model` says: names, files and precisions, in every spelling; and that bfloat16 draws."""

from pathlib import Path

import pytest

import sfumato
from sfumato.engine.precision import ModelFile, check_precision, model_file
from sfumato.errors import InputError

DRIVE = "C:\\models\\dream.safetensors"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("dream.safetensors", "a=b.ckpt", "odd:bfloat16", DRIVE):
        Path(name).write_bytes(b"")
    Path("sdxl").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "name", "path", "dtype"),
    [
        ("dream.safetensors", "dream.safetensors", "dream.safetensors", None),
        ("dream.safetensors:bfloat16", "dream.safetensors", "dream.safetensors", "bfloat16"),
        ("big=sdxl:bfloat16", "big", "sdxl", "bfloat16"),
        ("big=sdxl", "big", "sdxl", None),
        ("a=b.ckpt", "a=b.ckpt", "a=b.ckpt", None),
        ("a=b.ckpt:float32", "a=b.ckpt", "a=b.ckpt", "float32"),
        ("x=a=b.ckpt", "x", "a=b.ckpt", None),
        ("odd:bfloat16", "odd:bfloat16", "odd:bfloat16", None),
        ("odd:bfloat16:float32", "odd:bfloat16", "odd:bfloat16", "float32"),
        (f"win={DRIVE}:bfloat16", "win", DRIVE, "bfloat16"),
        (f"{DRIVE}:bfloat16", Path(DRIVE).name, DRIVE, "bfloat16"),
        (DRIVE, Path(DRIVE).name, DRIVE, None),
    ],
)  # fmt: skip
def test_a_model_is_said_by_name_file_and_precision(folder, text, name, path, dtype):
    assert model_file(text) == ModelFile(name=name, path=Path(path), dtype=dtype)


def test_a_whole_path_with_colons_is_taken_at_its_word(folder):
    path = folder / "odd:bfloat16"
    assert model_file(f"here={path}:bfloat16") == ModelFile(name="here", path=path, dtype="bfloat16")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("absent.safetensors", "no such file or folder; write .*NAME=.*FILE:PRECISION"),
        ("absent.safetensors:bfloat16", "no such file or folder"),
        ("=sdxl", "no name before the ="),
        ("sdxl:float8", "'float8' cannot be drawn with: there are float32, float16, bfloat16"),
        ("sdxl:", "'' cannot be drawn with"),
        ("sdxl:float16", "float16 on a CPU .* take bfloat16"),
        ("", "no such file"),
    ],
)
def test_what_names_no_model_is_refused_with_the_way_out(folder, text, told):
    with pytest.raises(InputError, match=told):
        model_file(text)


def test_float16_is_for_gpus():
    check_precision("float16", "cuda")
    check_precision("bfloat16", "cpu")
    check_precision(None, "cpu")
    with pytest.raises(InputError, match="bfloat16"):
        check_precision("float16", "cpu")


def test_a_pipeline_in_bfloat16_draws_on_a_cpu_and_its_recipe_says_so(pipelines):
    found = model_file(f"{pipelines.file('sd1')}:bfloat16")
    painter = sfumato.load(found.path, dtype=found.dtype)
    picture = painter("a red cat", seed=1, steps=2, size=(64, 64))
    assert len(set(picture.image.tobytes())) > 8
    assert picture.recipe().loading["dtype"] == "bfloat16"
    exact = sfumato.load(found.path)("a red cat", seed=1, steps=2, size=(64, 64))
    assert exact.image.tobytes() != picture.image.tobytes()
    assert "dtype" not in exact.recipe().loading


def test_the_embedded_model_is_in_float32_only():
    from sfumato.families import embedded

    with pytest.raises(InputError, match="is in float32"):
        sfumato.load(embedded(), dtype="bfloat16")
