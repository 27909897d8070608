"""What the page is made of: others' files as they published them, and nothing fetched from elsewhere."""

import hashlib
import json
import re

import pytest

from sfumato.serve.routes.page import FOLDER

VENDOR = FOLDER / "vendor"
HASHES = json.loads((VENDOR / "hashes.json").read_text())
OURS = sorted(
    path
    for path in FOLDER.rglob("*")
    if path.suffix in (".html", ".css", ".js", ".svg") and VENDOR not in path.parents
)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_every_vendored_file_is_listed_with_its_licence():
    assert {path.name for path in VENDOR.iterdir()} == {*HASHES, "hashes.json"}
    for known in HASHES.values():
        assert f"LICENSE-{known['package']}" in HASHES


@pytest.mark.parametrize("name", HASHES)
def test_a_vendored_file_is_as_its_hash_says(name: str):
    assert digest((VENDOR / name).read_bytes()) == HASHES[name]["sha256"]


@pytest.mark.parametrize("name", [name for name, known in HASHES.items() if "patch" in known])
def test_without_its_patch_a_vendored_file_is_the_published_one(name: str):
    patch = HASHES[name]["patch"]
    original = (VENDOR / name).read_text().replace(patch["to"], patch["from"])
    assert digest(original.encode()) == patch["original"]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_no_file_of_the_page_names_another_host(path):
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")  # a name, which is not fetched
    assert not re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+", text)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_no_file_needs_what_the_content_security_policy_forbids(path):
    text = path.read_text()
    if path.suffix == ".html":
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    else:
        assert not re.search(r"\beval\(|new Function\(|innerHTML|document\.write", text)


@pytest.mark.parametrize("path", [path for path in OURS if path.suffix == ".js"], ids=lambda path: path.name)
def test_every_import_of_the_page_is_there(path):
    for name in re.findall(r'from "([^"]+)"', path.read_text()):
        assert (path.parent / name).resolve().is_file(), f"{path} imports {name}"
