"""Damaged files: each is refused in one line that names the file, what is wrong and the way out."""

import contextlib
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sfumato.checkpoints.safetensors import TensorInfo, load, read_header, save
from sfumato.errors import CheckpointError


def packed(header, data=b"", length=None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def tensor(start, end, dtype="F32", shape=None):
    return {
        "dtype": dtype,
        "shape": [(end - start) // 4] if shape is None else shape,
        "data_offsets": [start, end],
    }


WHOLE = packed({"__metadata__": {"k": "v"}, "a": tensor(0, 8), "b": tensor(8, 12)}, bytes(12))
DAMAGED = {
    "empty": (b"", "the file is empty"),
    "three bytes": (b"\x01\0\0", "not a safetensors file"),
    "cut in the header": (WHOLE[:40], "cut short"),
    "cut in the tensors": (WHOLE[:-1], "cut short: 11 bytes of tensors, not 12"),
    "too long": (WHOLE + b"\0", "too long: 13 bytes of tensors, not 12"),
    "wrong length": (packed({"a": tensor(0, 8)}, bytes(8), length=20), "not valid JSON"),
    "huge header": (packed({}, length=2**40), "claims a header of 1099511627776 bytes|cut short"),
    "renamed text": (b"These are my notes about weights.\n" * 9, "a text file"),
    "web page": (b"<!DOCTYPE html><html>Not found</html>", "a text file"),
    "LFS pointer": (b"version https://git-lfs.example/spec/v1\noid sha256:00\nsize 5\n", "git lfs pull"),
    "pickle": (b"\x80\x02}q\x00." + bytes(99), "a pickle"),
    "zipped pickle": (b"PK\x03\x04" + bytes(99), "a pickle"),
    "garbage JSON": (packed(b'{"a": nonsense}   '), "not valid JSON"),
    "no UTF-8": (packed(b'{"\xff": 1}'), "not valid JSON"),
    "deep JSON": (packed(b"[" * 100_000), "not valid JSON"),
    "JSON list": (packed([1, 2]), "not a JSON object"),
    "one name twice": (packed(b'{"a": 1, "a": 2}'), "a name occurs twice"),
    "metadata list": (packed({"__metadata__": [1]}), "__metadata__ is not"),
    "metadata number": (packed({"__metadata__": {"steps": 3}}), "metadata steps is not text"),
    "entry is text": (packed({"a": "F32"}), "entry of tensor a is 'F32'"),
    "no offsets": (packed({"a": {"dtype": "F32", "shape": [1]}}), "entry of tensor a"),
    "three offsets": (
        packed({"a": tensor(0, 4) | {"data_offsets": [0, 2, 4]}}, bytes(4)),
        "entry of tensor a",
    ),
    "negative shape": (packed({"a": tensor(0, 4, shape=[-1, -1])}, bytes(4)), "entry of tensor a"),
    "unknown type": (packed({"a": tensor(0, 4, dtype="F12")}, bytes(4)), "unknown type F12"),
    "shape and bytes disagree": (packed({"a": tensor(0, 8, shape=[3])}, bytes(8)), "cannot be 8 bytes"),
    "offsets backwards": (packed({"a": tensor(8, 0, shape=[2])}, bytes(8)), "cannot be -8 bytes"),
    "overlap": (packed({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)), "b overlaps a"),
    "gap": (packed({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)), "b leaves a gap after a"),
    "gap before all": (packed({"a": tensor(4, 8)}, bytes(8)), "a leaves a gap after the header"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, name):
    content, told = DAMAGED[name]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    for read in (read_header, load):
        with pytest.raises(CheckpointError, match=told) as caught:
            read(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        assert len(message) < 400 + len(str(path))
        assert ";" in message or " (" in message  # the way out


def test_a_path_without_a_file_is_refused_in_one_line(tmp_path):
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="check the path"):
            read_header(path)


def test_a_header_tells_all_without_reading_a_tensor(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(WHOLE)
    header = read_header(path)
    assert header.metadata == {"k": "v"}
    assert header.tensors == {"a": TensorInfo("F32", (2,), 0, 8), "b": TensorInfo("F32", (1,), 8, 12)}
    assert header.parameters == 3
    assert path.stat().st_size == header.data_start + 12


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "small.safetensors"
    save(path, {"a": torch.arange(5.0), "b": torch.ones(2, 3, dtype=torch.bfloat16)}, {"k": "v"})
    return path


@given(data=st.data())
def test_a_file_cut_anywhere_is_refused(small, data):
    whole = small.read_bytes()
    path = small.with_name("cut.safetensors")
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CheckpointError):
        load(path)


@given(data=st.data())
def test_a_header_with_one_wrong_byte_never_escapes_as_another_error(small, data):
    whole = bytearray(small.read_bytes())
    whole[data.draw(st.integers(0, read_header(small).data_start - 1))] = data.draw(st.integers(0, 255))
    path = small.with_name("wrong.safetensors")
    path.write_bytes(whole)
    with contextlib.suppress(CheckpointError):  # a byte of metadata or of a name may change unnoticed
        load(path)
