"""The verb that shows how a prompt is read: by the embedded model, and by families with CLIP's words."""

import json

import published
import pytest
import torch
from pipelines import vocabulary
from safetensors.torch import save_file

from sfumato.text.clip import ClipTokenizer


@pytest.fixture
def embedded(tiny_weights, monkeypatch):
    monkeypatch.setattr("sfumato.families.embedded", lambda: tiny_weights)


@pytest.fixture
def sd1(tmp_path):
    """A single file of the names and shapes of Stable Diffusion 1.5."""
    return published.write_hollow(tmp_path / "sd1.safetensors", published.single_file("sd1"))


@pytest.fixture
def told(sfumato):
    """What the verb tells programs."""

    def told(*arguments):
        code, out, said = sfumato("tokens", *arguments, "--json")
        assert (code, said) == (0, "")
        return json.loads(out)

    return told


@pytest.mark.usefixtures("embedded")
def test_the_embedded_model_shows_its_tokens_and_the_words_it_does_not_know(sfumato):
    code, out, _ = sfumato("tokens", "a red cat, zyxwvut")
    assert code == 0
    assert "tokens\n    a  red  cat" in out
    assert "does not know: zyxwvut" in out


@pytest.mark.usefixtures("embedded")
def test_text_beyond_the_window_is_told(told):
    facts = told("a cat " * 60)
    assert len(facts["stages"][0]["branches"][0]["chunks"][0]) <= 75
    assert any("the text was cut at 77 tokens" in note for note in facts["notes"])


@pytest.mark.usefixtures("embedded")
def test_the_letters_of_the_tokens_are_the_letters_of_the_prompt(told):
    (chunk,) = told("a red cat, 猫")["stages"][0]["branches"][0]["chunks"]
    assert "".join(token["text"] for token in chunk[:4]).strip() == "a red cat,"
    assert all(token["weight"] == 1 for token in chunk)


@pytest.mark.usefixtures("embedded")
def test_edits_and_choices_and_adapters_are_shown_step_by_step(sfumato):
    code, out, _ = sfumato(
        "tokens", "a {cat|cat} [red:blue:0.5] <lora:ink:.8> [car:9] AND fog :.5", "--steps", "8"
    )
    assert code == 0
    assert out.startswith("seed 0 chose: a cat [red:blue:0.5]")
    assert "steps 1 to 4 of 8" in out
    assert "steps 5 to 8 of 8" in out
    assert out.count("AND, with weight 0.5") == 2
    assert "adapter ink: weight 0.8, for the words 0.8" in out
    assert "'car' is never drawn" in out


def test_weights_parts_of_words_and_chunks_of_clip_are_shown(sfumato, sd1):
    code, out, _ = sfumato("tokens", "a (zyxwvut:1.2) cat" + ", dog" * 40, "--model", sd1)
    assert code == 0
    assert "chunk 1 of 2: " in out
    assert "of 75 tokens" in out
    assert "a  zy+x+wv+ut x1.2  cat  ,  dog" in out


def test_a_folder_reads_as_its_single_file_does(told, sd1, tmp_path):
    folder = tmp_path / "sd1"
    for part, file, shapes in (
        ("unet", "diffusion_pytorch_model", published.shapes("sd15_unet")),
        ("vae", "diffusion_pytorch_model", published.shapes("sd_vae")),
        ("text_encoder", "model", published.clip(768)),
    ):
        (folder / part).mkdir(parents=True)
        published.write_hollow(folder / part / f"{file}.safetensors", shapes)
        (folder / part / "config.json").write_text("{}")
    parts = {part: ["library", "Class"] for part in ("unet", "vae", "text_encoder")}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"} | parts))
    vocabulary.write_tokenizer(folder / "tokenizer")
    prompt = "a (naïve:0.5) [猫] BREAK {x} <|endoftext|>"
    alone, whole = (told(prompt, "--model", path)["stages"] for path in (sd1, folder))
    assert alone == whole
    ids = [token["id"] for chunk in alone[0]["branches"][0]["chunks"] for token in chunk]
    words = ClipTokenizer.packaged()
    assert tuple(ids) == words("a naïve 猫") + words("{x} <|endoftext|>")


def test_a_learned_word_is_shown_as_its_vectors(told, sd1, tmp_path):
    learned = tmp_path / "EasyNegative.safetensors"
    save_file({"emb_params": torch.zeros(2, 768)}, learned)
    facts = told("(easynegative:1.5)", "--model", sd1, "--embedding", learned)
    (chunk,) = facts["stages"][0]["branches"][0]["chunks"]
    assert [(token["id"], token["text"], token["weight"]) for token in chunk] == [
        (None, "<EasyNegative.1>", 1.5), (None, "<EasyNegative.2>", 1.5),
    ]  # fmt: skip


def test_wildcards_are_read_from_their_folder(told, tmp_path, embedded):
    (tmp_path / "animal.txt").write_text("cat\n")
    assert told("a __animal__", "--wildcards", tmp_path)["chosen"] == "a cat"


@pytest.mark.usefixtures("embedded")
def test_mistakes_are_one_line_and_exit_two(sfumato, tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    for arguments, says in (
        (["a", "--steps", "0"], "0 steps"),
        (["(a:99999)", "--model", tmp_path / "other.safetensors"], "reads no prompts"),
        (["a __x__"], "no folder of wildcards"),
        (["a", "--embedding", tmp_path / "other.safetensors"], "no place for embeddings"),
        (["(" * 200_000], "characters"),
    ):
        code, out, said = sfumato("tokens", *arguments)
        assert (code, out) == (2, "")
        assert says in said
        assert len(said.splitlines()) == 1


@pytest.mark.usefixtures("embedded")
def test_no_more_is_shown_than_can_be_kept(sfumato, told):
    turns = "".join(f"[{'|'.join(map(str, range(prime)))}]" for prime in (7, 11, 13))
    code, _, said = sfumato("tokens", turns, "--steps", "1001")
    assert code == 2
    assert "more than 500 chunks of text in its steps" in said
    code, _, said = sfumato("tokens", " AND ".join(["[a|b]"] * 20), "--steps", "10000", "--json")
    assert code == 2
    assert "200,000 chunks would be shown; at most 10,000 are: give fewer --steps" in said
    assert len(told("[a|b]", "--steps", "9")["stages"]) == 9


def test_a_folder_with_a_learned_word_is_read_as_draw_reads_it(told, sd1, tmp_path):
    folder = tmp_path / "learned"
    folder.mkdir()
    save_file({"<cat-toy>": torch.zeros(1, 768)}, folder / "Toy.safetensors")
    save_file({"emb_params": torch.zeros(1, 20)}, folder / "another.safetensors")  # of another family
    (chunk,) = told("a toy", "--model", sd1, "--embedding", folder)["stages"][0]["branches"][0]["chunks"]
    assert [token["text"] for token in chunk] == ["a ", "<Toy.1>"]
