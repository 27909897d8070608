"""The documents hold: what they show runs, what they quote stands in the code, what they link to exists."""

import ast
import re
import shlex
from functools import wraps
from pathlib import Path
from typing import NamedTuple

import pytest

from sfumato.checkpoints.fingerprint import fingerprint
from sfumato.cli.main import VERBS, main
from sfumato.models.clip import ImageTower, TextTower
from sfumato.models.controlnet import newborn
from sfumato.models.unet import UNet
from sfumato.models.vae import AutoencoderKL
from sfumato.painter import load, to_image
from sfumato.train.controlnet import save_control
from sfumato.train.recipes import RECIPES

ROOT = Path(__file__).parent.parent
README, TOUR, TRAINING = ROOT / "README.md", ROOT / "docs" / "tour.md", ROOT / "docs" / "training.md"
DOCUMENTS = sorted([README, *(ROOT / "docs").rglob("*.md")])
SHOWN = [README, TOUR, TRAINING]
PLACES = (ROOT, ROOT / "src" / "sfumato", ROOT / "docs", ROOT / "tests")
OURS = ("docs/", "src/", "tests/", "scripts/", "examples/", "benchmarks/", ".ci/")
PACKAGES = tuple(f"{path.name}/" for path in (ROOT / "src" / "sfumato").iterdir() if path.is_dir())

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
every_shown = pytest.mark.parametrize("document", SHOWN, ids=lambda path: path.name)


class Fence(NamedTuple):
    """A fenced block; ``source`` is the file that an excerpt is taken from."""

    language: str
    source: str
    text: str


def fences(document: Path) -> list[Fence]:
    found = re.findall(r"^```(\w*) *([^\n]*)\n(.*?)^```$", document.read_text(), re.DOTALL | re.MULTILINE)
    return [Fence(*block) for block in found]


def prose(document: Path) -> str:
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)


def commands(document: Path) -> list[list[str]]:
    """Every command line of ours, in blocks and in running text, as words."""
    shown = [line for fence in fences(document) if fence.language == "sh" for line in fence.text.splitlines()]
    shown += re.findall(r"`([^`\n]+)`", prose(document))
    lines = [shlex.split(line, comments=True) for line in shown if line.startswith(("sfumato ", "scripts/"))]
    return [words for words in lines if words]


@pytest.fixture
def embedded(tiny_weights, tiny_world, tmp_path, monkeypatch):
    """An empty folder, and the tiny model in the place of the embedded one, with a control beside it."""

    def shipped(name="world"):
        if name == "world":
            return tiny_weights
        path = tmp_path / f".{name}.safetensors"
        network = newborn(tiny_world.unet, hint_widths=(4, 8))
        save_control(path, network, card={}, model=fingerprint(tiny_world.unet))
        return path

    monkeypatch.setattr("sfumato.families.embedded", shipped)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(document: Path) -> dict[str, object]:
    """Run the Python of a document, from its first block to its last, and return what it leaves behind."""
    names: dict[str, object] = {}
    for fence in fences(document):
        if fence.language == "python" and not fence.source:
            exec(compile(fence.text, document.name, "exec"), names)  # noqa: S102 - our own documents
    return names


# what is shown runs -------------------------------------------------------------------------------


def test_the_python_of_the_readme_draws_the_pictures_it_names(embedded):
    names = run(README)
    assert "painter" in names
    saved = re.findall(r"save\(\"([^\"]+)\"\)", README.read_text())
    assert saved
    assert all((embedded / name).is_file() for name in saved)


def test_the_tour_without_the_house_gives_the_pixels_of_the_house(embedded):
    picture = run(TOUR)["picture"]
    house = load()("a red cat", seed=7, sampler="euler").image
    assert to_image(picture).tobytes() == house.tobytes()


@every_shown
def test_every_command_in_a_block_runs(document, embedded, monkeypatch, capsys):
    def training(recipe, out, device):
        return lambda: out / f"{recipe.name}.safetensors"

    @wraps(VERBS["bench"])
    def examining(**options):
        """Options are read; a tiny model knows no thing that it could be examined on."""

    monkeypatch.setattr("sfumato.train.run.Run", training)

    @wraps(VERBS["serve"])
    def serving(**options):
        """Options are read; a server would not end."""

    monkeypatch.setitem(VERBS, "bench", examining)
    monkeypatch.setitem(VERBS, "serve", serving)
    (embedded / "gallery").mkdir()  # as a server leaves it that drew nothing
    shown = [line for f in fences(document) if f.language == "sh" for line in f.text.splitlines()]
    ran = 0
    for line in shown:
        words = shlex.split(line, comments=True)
        if words[:1] == ["sfumato"]:
            with pytest.raises(SystemExit) as exit_:
                main(words[1:])
            assert exit_.value.code in (0, None), (line, capsys.readouterr().err)
            ran += 1
    assert ran


@every_shown
def test_commands_are_verbs_or_scripts_that_exist(document):
    named = commands(document)
    assert named
    for words in named:
        if words[0] == "sfumato":
            assert words[1] in VERBS, words
        else:
            assert (ROOT / words[0]).stat().st_mode & 0o111, words


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_names_every_verb(verb):
    assert any(words[:2] == ["sfumato", verb] for words in commands(README))


# what is quoted stands in the code -----------------------------------------------------------------


@every_shown
def test_excerpts_are_the_code_as_it_stands_and_short(document):
    for fence in fences(document):
        if fence.language == "python" and fence.source:
            code = (ROOT / fence.source).read_text()
            assert fence.text in code, fence.text
            assert fence.text.count("\n") <= 8, fence.text


def test_the_tour_has_excerpts_from_sentence_to_picture():
    sources = {Path(fence.source).name for fence in fences(TOUR) if fence.source}
    assert {"draw.py", "first.py", "euler.py", "cfg.py", "forwards.py", "unet.py"} <= sources
    assert TOUR.read_text().count("\n") <= 260


@every_document
def test_tables_and_functions_that_are_named_with_their_file_exist(document):
    """Such as "`RECIPES`, at the end of ..." is left to the eye; "`SAMPLERS` in `file.py`" is not."""
    for name, path in re.findall(r"`(\w+)`(?: of| in) `([\w/]+\.py)`", prose(document)):
        tree = ast.parse(_found(path).read_text())
        targets = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        assert name in targets | defined, (name, path)


# what is linked or named exists --------------------------------------------------------------------


@every_document
def test_every_relative_link_leads_to_a_file(document):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose(document))
    away = [link for link in links if not re.match(r"\w+:", link)]
    assert [link for link in away if not (document.parent / link).exists()] == []


@every_document
def test_every_path_that_is_named_exists(document):
    gone = [path for path in _paths(document) if _found(path) is None]
    assert gone == []


def _paths(document: Path) -> list[str]:
    """What looks like a file or folder of ours between backquotes, without the names of files to be made."""
    quoted = re.findall(r"`([^`\n]+)`", prose(document))
    pieces = [piece.partition("::")[0] for text in quoted for piece in text.split(" ")]
    ours = [piece for piece in pieces if piece.startswith((*OURS, *PACKAGES)) or piece.endswith(".py")]
    return [piece for piece in ours if Path(piece).stem != "x"]


def _found(path: str) -> Path | None:
    return next((place / path for place in PLACES if (place / path).exists()), None)


@every_document
def test_every_test_that_is_named_exists(document):
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", prose(document)):
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), name


def test_the_tree_of_the_readme_is_the_tree_of_the_package():
    (tree,) = (fence.text for fence in fences(README) if "src/sfumato/" in fence.text)
    package, _, rest = tree.partition("src/sfumato/\n")[2].partition("\ntests/")
    named = {word for line in package.splitlines() for word in re.split(r"  +", line.strip())[0].split()}
    entries = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "src" / "sfumato").iterdir()
        if not path.name.startswith("__") and path.suffix != ".typed"
    }
    assert named | {"weights/"} == entries | {"weights/"}
    assert all((ROOT / folder).is_dir() for folder in f"tests/{rest}".split() if folder.endswith("/"))


# what is counted is so -----------------------------------------------------------------------------


def table() -> list[str]:
    """The rows of the table of recipes in docs/training.md."""
    rows = {
        "pictures": lambda r: f"{r.size}x{r.size}",
        "latents": lambda r: "{0}x{1}x{1}".format(
            r.autoencoder.latent_channels, r.size // r.autoencoder.shrink
        ),
        "things it knows": lambda r: f"{len(r.variety.sprites)}",
        "colours, backgrounds, styles": lambda r: ", ".join(
            str(len(some)) for some in (r.variety.colours, r.variety.backgrounds, r.variety.styles)
        ),
        "vocabulary": lambda r: f"{r.vocabulary}",
        "autoencoder": lambda r: _millions(AutoencoderKL, r.autoencoder),
        "text tower": lambda r: _millions(TextTower, r.text),
        "image tower": lambda r: _millions(ImageTower, r.image),
        "U-Net": lambda r: _millions(UNet, r.unet),
        "U-Net widths": lambda r: ", ".join(map(str, r.unet.block_out_channels)),
        "latents kept, captions of each": lambda r: f"{r.cached}, {r.phrasings}",
        "autoencoder: steps x batch, rate": lambda r: _length(r.train_autoencoder),
        "CLIP: steps x batch, rate": lambda r: _length(r.train_clip),
        "U-Net: steps x batch, rate": lambda r: _length(r.train_diffusion),
        "alignment: steps x batch, rate": lambda r: _length(r.train_alignment),
    }
    head = [f"| | {' | '.join(f'`{name}`' for name in RECIPES)} |", "|---|" + "---|" * len(RECIPES)]
    return head + [f"| {what} | {' | '.join(map(said, RECIPES.values()))} |" for what, said in rows.items()]


def _millions(network, config) -> str:
    import torch

    with torch.device("meta"):
        return f"{sum(p.numel() for p in network(config).parameters()) / 1e6:.1f} M"


def _length(settings) -> str:
    return f"{settings.steps} x {settings.batch}, {settings.rate:g}"


def test_the_table_of_recipes_is_that_of_the_code():
    assert "\n".join(table()) in TRAINING.read_text(), "it should be:\n" + "\n".join(table())
