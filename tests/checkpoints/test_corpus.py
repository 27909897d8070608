"""What is broken, renamed or malicious is refused in one line, in seconds and with bounded memory.

Four tables say how each is made and what is told of it. Damage to the header of a safetensors file has more
cases in ``test_header.py``, programs in pickles have theirs in ``test_pickle.py``.
"""

import gzip
import json
import os
import re
import resource
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from sfumato.checkpoints.header import LARGEST_HEADER
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.safetensors import save
from sfumato.errors import CheckpointError

SECONDS = 6  # of computing, of this process and those it starts
MEMORY = 500e6  # bytes beyond what the tests take already
STEM = "diffusion_pytorch_model"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def header(fields: object, data: bytes = b"", length: int | None = None) -> bytes:
    raw = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def entry(start: int, end: int) -> dict[str, object]:
    return {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]}


def whole(path: Path) -> bytes:
    save(path, {"a": torch.arange(1000.0), "b": torch.ones(30, 40)})
    return path.read_bytes()


def cut(path: Path, share: float) -> Path:
    raw = whole(path)
    return written(path, raw[: int(share * len(raw))])


def pickled(path: Path, cut: int = 0, **options) -> Path:
    torch.save({"state_dict": {"a": torch.arange(1000.0)}}, path, **options)
    raw = path.read_bytes()
    return written(path, raw[: len(raw) - cut])


def picture(path: Path) -> Path:
    Image.new("RGB", (8, 8)).save(path, format="png")
    return path


def archive(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("model.safetensors", bytes(10**6))
    return path


def bomb(path: Path) -> Path:
    torch.save({"a": torch.arange(1000.0)}, path)
    with zipfile.ZipFile(path) as plain:
        records = {record.filename: plain.read(record) for record in plain.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in records.items():
            packed.writestr(name, bytes(10**8) if "/data/" in name else content)
    return path


def tarred(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        packed.add(__file__, "model.ckpt")
    return path


def folder(path: Path) -> Path:
    """A part alone, which lacks nothing but its weights."""
    path.mkdir()
    (path / "config.json").write_text("{}")
    return path


def indexed(path: Path, places: object, names: str) -> Path:
    folder(path)
    if names:
        save(path / "x.safetensors", {name: torch.ones(1) for name in names})
    (path / f"{STEM}.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return path


def configured(path: Path, content: bytes) -> Path:
    path.mkdir()
    (path / "config.json").write_bytes(content)
    save(path / f"{STEM}.safetensors", {"a": torch.ones(1)})
    return path


def linked(path: Path, target: Path | str) -> Path:
    path.symlink_to(target)
    return path


def cut_part(path: Path) -> Path:
    folder(path)
    cut(path / f"{STEM}.safetensors", 0.5)
    return path


def named(path: Path) -> Path:
    path.mkdir()
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def bombed(kind: str, room: int = LARGEST_HEADER - 1000) -> bytes:
    """Headers as long as a header may be, each of what is dearest to read."""
    if kind == "entries":
        items = (f'"{i:x}":{{"dtype":"U8","shape":[],"data_offsets":[{i},{i + 1}]}}' for i in range(250_000))
        return header(("{" + ",".join(items) + "}").encode(), bytes(250_000))
    if kind == "lists":
        return header(b'{"a":[' + b"[]," * (room // 3) + b"[]]}")
    if kind == "numbers":
        rows = (b"9" * 4000 + b",") * (room // 4001)
        return header(b'{"a":{"dtype":"U8","data_offsets":[0,1],"shape":[' + rows + b"1]}}", bytes(1))
    return header(b"[" * room)


WEB = b"<!DOCTYPE html><html><head><title>Sign in</title></head>" + b"<p>403 Forbidden</p>" * 99
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4265380512\n"
GGUF = b"GGUF\3\0\0\0" + bytes(99)
UNKNOWN = {"dtype": "X", "shape": [], "data_offsets": [0, 0]}
EMPTY = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
DIGITS = b'{"a":{"dtype":"U8","shape":[' + b"9" * 10_000 + b"]}}"

FILES = {  # name of the case: name of the file, what makes its content, what is told
    "empty": ("m.safetensors", lambda: b"", "the file is empty"),
    "empty pickle": ("m.ckpt", lambda: b"", "the file is empty"),
    "zeros": ("m.safetensors", lambda: bytes(10**6), "not valid JSON"),
    "noise": ("m.safetensors", lambda: bytes(range(255, 0, -1)) * 99, "not a safetensors file"),
    "overlap": ("m", lambda: header({"a": entry(0, 8), "b": entry(4, 12)}, bytes(12)), "b overlaps a"),
    "gap": ("m", lambda: header({"a": entry(0, 4), "b": entry(6, 8)}, bytes(8)), "leaves a gap"),
    "beyond the end": ("m", lambda: header({"a": entry(0, 2**60)}, bytes(8)), "cut short"),
    "data after the end": ("m", lambda: header({"a": entry(0, 4)}, bytes(8)), "too long"),
    "header of 2**60 bytes": ("m", lambda: header({}, bytes(99), length=2**60), "claims a header"),
    "header of many entries": ("m", lambda: bombed("entries"), "250000 tensors, which no model has"),
    "header of lists": ("m", lambda: bombed("lists"), "brackets in a header"),
    "header of fewer lists": ("m", lambda: bombed("lists", 2_900_000), "entry of tensor a"),
    "header of numbers": ("m", lambda: bombed("numbers"), "entry of tensor a"),
    "header that nests": ("m", lambda: bombed("nests", 900_000), "not valid JSON"),
    "a number of 10,000 digits": ("m", lambda: header(DIGITS), "not valid JSON"),
    "a shape beyond all numbers": ("m", lambda: header({"a": EMPTY | {"shape": [0, 10**30]}}), "entry of"),
    "an offset beyond all numbers": (
        "m",
        lambda: header({"a": EMPTY | {"data_offsets": [0, 10**4000]}}),
        "entry of",
    ),
    "a shape that overflows": ("m", lambda: header({"a": EMPTY | {"shape": [0, 2**62, 9]}}), "entry of"),
    "a name of a million letters": ("m", lambda: header({"n" * 10**6: UNKNOWN}), "unknown type X"),
    "a name with line breaks": ("m", lambda: header({"a\n\nb": UNKNOWN}), r"tensor 'a\\n\\nb'"),
    "a web page": ("m.safetensors", lambda: WEB, "a text file"),
    "an answer in JSON": ("m.safetensors", lambda: b'{"error": "Unauthorized"}', "a text file"),
    "an LFS pointer": ("m.safetensors", lambda: POINTER, "git lfs pull"),
    "an LFS pointer named .ckpt": ("m.ckpt", lambda: POINTER, "git lfs pull"),
    "a GGUF file": ("m.gguf", lambda: GGUF, "this is a GGUF file"),
    "a GGUF file renamed": ("m.safetensors", lambda: GGUF, "this is a GGUF file"),
    "gzip": ("m.ckpt", lambda: gzip.compress(bytes(10**6)), "a packed archive"),
}
MADE = {  # name of the case: what makes it in a folder and gives its path, what is told
    "absent": (lambda d: d / "m.safetensors", "cannot be read"),
    "a null in the path": (lambda d: d / "m\0.safetensors", "cannot be read"),
    "a path of 10,000 characters": (lambda d: d / ("m" * 10_000), "cannot be read"),
    "cut in the header": (lambda d: cut(d / "m.safetensors", 0.005), "cut short"),
    "cut in the tensors": (lambda d: cut(d / "m.safetensors", 0.7), "cut short"),
    "a picture": (lambda d: picture(d / "m.safetensors"), "this is a picture"),
    "tar.gz": (lambda d: tarred(d / "m.ckpt"), "a packed archive"),
    "zip of a model": (lambda d: archive(d / "m.zip"), r"archive of other things \(model.safetensors\)"),
    "zip bomb": (lambda d: bomb(d / "m.ckpt"), "compressed, which torch.save never does"),
    "pickle named .safetensors": (lambda d: pickled(d / "m.safetensors"), "a pickle under the name"),
    "pickle cut short": (lambda d: pickled(d / "m.ckpt", cut=300), "a damaged pickle"),
    "old pickle cut short": (
        lambda d: pickled(d / "m.ckpt", cut=300, _use_new_zipfile_serialization=False),
        "a damaged pickle",
    ),
    "an empty folder": (lambda d: d, "the folder holds no weights"),
    "a folder of files": (lambda d: cut(d / "ink.safetensors", 1).parent, "name one of its files: ink"),
    "a part without weights": (lambda d: folder(d / "unet"), "the folder holds no weights"),
    "a part cut short": (lambda d: cut_part(d / "unet"), "cut short"),
    "a link to itself": (lambda d: linked(d / "m.safetensors", "m.safetensors"), "cannot be read"),
    "a link to nothing": (lambda d: linked(d / "m.safetensors", "nowhere"), "cannot be read"),
    "a folder that holds itself": (lambda d: linked(d / "unet", ".").parent, "the folder holds no weights"),
    "a pipe": (lambda d: pipe(d / "m.safetensors"), "a pipe or device"),
    "a device": (lambda d: Path("/dev/zero"), "a pipe or device"),
    "a folder named like a file": (lambda d: named(d / "m.safetensors"), "the folder holds no weights"),
}
CONFIGS = {  # name of the case: what config.json holds, what is told
    "config.json is broken": (b'{"a": ', "not valid JSON"),
    "config.json is a list": (b"[1, 2]", "not a JSON object"),
    "config.json nests": (b"[" * 10**6, "not valid JSON"),
    "config.json is too long": (b" " * (2**24 + 1), "too long for a configuration"),
    "config.json is no text": (b"\xff\xfe", "not valid JSON"),
    "config.json is a pointer": (POINTER, "git lfs pull"),
}
INDEXES = {  # name of the case: where an index says that tensors lie, what the shard x holds, what is told
    "index without a map": ([], "", "has no weight_map"),
    "index that leaves the folder": ({"a": "../../x.safetensors"}, "", "no file beside it"),
    "index with an absolute path": ({"a": "/etc/passwd"}, "", "no file beside it"),
    "index with a backslash": ({"a": "..\\x.safetensors"}, "", "no file beside it"),
    "index with a null": ({"a": "x\0"}, "", "no file beside it"),
    "index that names the folder above": ({"a": ".."}, "", "no file beside it|missing"),
    "index of numbers": ({"a": 1}, "", "no file beside it"),
    "index of an absent shard": ({"a": "y.safetensors"}, "", "1 shards are missing"),
    "shard lacks a tensor": ({"a": "x.safetensors", "b": "x.safetensors"}, "a", "x.safetensors lacks b"),
    "shard has one more": ({"a": "x.safetensors"}, "ab", "holds b, which the index"),
}
BROKEN = {
    **{name: (lambda d, c=case: written(d / c[0], c[1]()), case[2]) for name, case in FILES.items()},
    **MADE,
    **{name: (lambda d, c=case: configured(d / "unet", c[0]), case[1]) for name, case in CONFIGS.items()},
    **{name: (lambda d, c=case: indexed(d / "unet", c[0], c[1]), case[2]) for name, case in INDEXES.items()},
}


def spent() -> tuple[float, float]:
    """Seconds of computing and most bytes of memory, of this process and of those it started."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.process_time() + others.ru_utime + others.ru_stime
    return seconds, 1024 * max(own.ru_maxrss, others.ru_maxrss)


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_refused_in_one_line_in_seconds_and_in_little_memory(tmp_path, name):
    make, told = BROKEN[name]
    path = make(tmp_path)
    before = spent()
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(path)
    after = spent()
    message = str(caught.value)
    assert re.search(told, message), message
    assert "\n" not in message
    assert len(message) < 400 + len(str(path))
    assert after[0] - before[0] < SECONDS
    assert after[1] - before[1] < MEMORY


def test_a_link_to_a_whole_file_elsewhere_is_followed(tmp_path):
    """Downloads are kept as links into a store of files named by their digest."""
    save(tmp_path / "blob", {"a": torch.ones(1)})
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet/config.json").write_text("{}")
    linked(tmp_path / f"unet/{STEM}.safetensors", "../blob")
    assert list(open_checkpoint(tmp_path / "unet").tensors.kinds) == ["a"]
