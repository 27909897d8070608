"""Reference pictures through IP-Adapters: tokens, attention and whole pictures are those of diffusers."""

import copy
import gc
import weakref
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch
from pipelines.controls import controlnet, write_controlnet
from pipelines.drawing import GUIDANCE, NEGATIVE, PROMPT, SEED, STEPS, assert_same, ours, theirs
from pipelines.references import write_adapter, write_encoder
from torch import Tensor

import sfumato
from sfumato.adapters.ip_adapter import ImagePrompts, read_ip_adapter
from sfumato.adapters.sight import fit, read_sight
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.placing import PLACE
from sfumato.checkpoints.safetensors import digest
from sfumato.diffusion.guidance import cfg
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Conditioning, ImagePrompt, drive, guided
from sfumato.diffusion.samplers.euler import euler
from sfumato.families.model import Wording
from sfumato.painter import to_image
from sfumato.steering import control, reference

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")

SCALE = 0.6
KINDS = ("plain", "plus", "face")
PUBLISHED = [(name, kind) for name in ("sd1", "sdxl") for kind in KINDS if (name, kind) != ("sdxl", "face")]
STYLE = {"up": {"block_0": [0.0, SCALE, 0.0]}}
COMPOSITION = {"down": {"block_2": [0.0, 0.8]}}
"""InstantStyle's layers of SDXL as diffusers is told of them."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = diffusers.logging.get_verbosity()
    diffusers.logging.set_verbosity_error()
    yield
    diffusers.logging.set_verbosity(before)


def picture(seed: int, width: int = 80, height: int = 64) -> Tensor:
    """Of large soft blots, (1, 3, H, W) in 256 shades of 0..1."""
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    fine = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)
    return (fine * 255).round() / 255


class Setting:
    """Our models, and diffusers' pipelines with their adapters loaded from the same files."""

    def __init__(self, pipelines, root: Path) -> None:
        self.pipelines, self.root = pipelines, root
        self.encoder = write_encoder(root / "image_encoder")

    @cache  # noqa: B019 - there is one object of this class in a module
    def painter(self, name: str) -> sfumato.Painter:
        return sfumato.load(self.pipelines.folder(name))

    def file(self, name: str, kind: str) -> Path:
        """A pickle for the one, safetensors for the others."""
        path = self.root / f"{name}-{kind}.{'bin' if kind == 'plain' else 'safetensors'}"
        return path if path.exists() else write_adapter(self.pipelines.reference(name), path, kind)

    def reader(self, name: str, kind: str) -> ImagePrompts:
        sight = read_sight(open_checkpoint(self.encoder), PLACE)
        return read_ip_adapter(
            open_checkpoint(self.file(name, kind)).tensors, self.painter(name).model.unet, sight
        )

    def theirs(self, name: str, *kinds: str):
        pipe = copy.deepcopy(self.pipelines.reference(name))
        files = [self.file(name, kind).name for kind in kinds]
        pipe.load_ip_adapter(str(self.root), subfolder="", weight_name=files, low_cpu_mem_usage=False)
        return pipe


@pytest.fixture(scope="module")
def setting(pipelines, tmp_path_factory) -> Setting:
    return Setting(pipelines, tmp_path_factory.mktemp("references"))


def drawn(model, worn: list[ImagePrompt], unwanted: list[ImagePrompt]) -> np.ndarray:
    """The picture (H, W, 3) in 0..255 whose rows attend to references."""

    def told(text: str, images: list[ImagePrompt], **more) -> Conditioning:
        (encoded,) = model.encode([Wording(text=text, size=(64, 64), **more)])
        return Conditioning(**{**vars(encoded.conditioning), "images": tuple(images)})

    levels, noise = model.levels(STEPS, "leading"), SeededNoise(SEED)
    guide = cfg(told(PROMPT, worn), told(NEGATIVE, unwanted, unwanted=True), GUIDANCE)
    x = levels[0].sigma * noise(model.blank((64, 64)))
    with torch.inference_mode():
        latent = drive(guided(euler(x, levels, noise), guide), model.denoise)
        return model.decode(latent)[0].permute(1, 2, 0).numpy() * 255


def prompts(reader: ImagePrompts, seen: Tensor, role: str, weight: float) -> list[ImagePrompt]:
    """What rows of wanted and of unwanted words wear of one reference."""
    return [
        ImagePrompt("reference", role, tokens, reader.weights(role, weight), first=1e9, last=-1.0)
        for tokens in reader.look(seen, role)
    ]


def shown(seen: Tensor):
    return to_image(seen)


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_wanted_and_unwanted_are_those_of_diffusers(setting, kind):
    seen = picture(3)
    pipe, reader = setting.theirs("sd1", kind), setting.reader("sd1", kind)
    with torch.inference_mode():
        embeddings = pipe.prepare_ip_adapter_image_embeds([shown(seen)], None, "cpu", 1, True)
        (expected,) = pipe.unet.encoder_hid_proj(embeddings)
        wanted, unwanted = reader.look(seen, "both")
    torch.testing.assert_close(unwanted, expected[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(wanted, expected[1], atol=1e-5, rtol=0)
    assert (wanted - unwanted).abs().mean() > 0.1


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_every_layer_attends_to_a_picture_as_that_of_diffusers(setting, name):
    pipe, reader = setting.theirs(name, "plain"), setting.reader(name, "plain")
    pipe.set_ip_adapter_scale(SCALE)
    unet, generator = setting.painter(name).model.unet, torch.Generator().manual_seed(1)
    words = torch.randn(2, 7, unet.config.context_width, generator=generator)
    tokens = torch.randn(2, 4, unet.config.context_width, generator=generator)
    with torch.inference_mode():
        for number, layer in enumerate(unet.layers):
            attention = unet.get_submodule(layer).attn2
            x = torch.randn(2, 12, attention.to_q.in_features, generator=generator)
            expected = pipe.unet.get_submodule(f"{layer}.attn2")(x, (words, [tokens[:, None]]))

            def look(looking, what, number=number):
                return looking(what) + SCALE * reader.mixed(what._replace(layer=number), tokens, "both")

            torch.testing.assert_close(attention(x, words, look=look), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "kind"), PUBLISHED)
def test_the_picture_with_a_reference_is_that_of_diffusers(setting, name, kind):
    model, seen = setting.painter(name).model, picture(3)
    pipe, reader = setting.theirs(name, kind), setting.reader(name, kind)
    pipe.set_ip_adapter_scale(SCALE)
    expected = theirs(pipe, setting.painter(name), ip_adapter_image=shown(seen))
    model.controls.hang("reference", reader)
    wanted, unwanted = prompts(reader, seen, "both", SCALE)
    got, bare = drawn(model, [wanted], [unwanted]), drawn(model, [], [])
    model.controls.remove("reference")
    assert np.abs(got - bare).mean() > 2
    assert_same(got, expected)


def test_a_person_who_names_the_files_gets_the_picture_of_diffusers(setting, tmp_path):
    painter, kind = setting.painter("sd1"), "plus"
    shown(picture(3)).save(tmp_path / "painting.png")
    (told,) = painter.hang(setting.file("sd1", kind), name="painting", encoder=setting.encoder)
    assert "IP-Adapter Plus" in told
    steered = [reference(tmp_path / "painting.png", strength=SCALE)]
    got = ours(painter, references=steered)
    files = painter("a cat", steps=1, seed=1, references=steered).recipe().files
    assert files["control painting"] == digest(setting.file("sd1", kind))
    assert files["control painting encoder"] == digest(setting.encoder)
    painter.remove("painting")
    pipe = setting.theirs("sd1", kind)
    pipe.set_ip_adapter_scale(SCALE)
    assert_same(got, theirs(pipe, painter, ip_adapter_image=shown(picture(3))))


def test_models_of_half_precision_wear_controls_and_references_and_drop_them(setting):
    pipe, seen = setting.pipelines.reference("sd1"), shown(picture(3, 64))
    painter = sfumato.load(setting.pipelines.folder("sd1"), dtype="bfloat16")
    net = write_controlnet(controlnet(pipe), setting.root / "net.safetensors")
    painter.hang(net, name="net")
    painter.hang(setting.file("sd1", "plus"), name="painting", encoder=setting.encoder)
    hung = painter.model.controls
    alive = [weakref.ref(each.network) for each in (hung.control("net"), hung.reader("painting"))]
    bare, steered, referring = (
        ours(painter, **wishes)
        for wishes in (
            {},
            {"controls": [control("as-is", seen, network="net")]},
            {"references": [reference(seen, network="painting")]},
        )
    )
    assert np.abs(steered - bare).mean() > 2
    assert np.abs(referring - bare).mean() > 2
    for name in hung.names:
        painter.remove(name)
    gc.collect()
    assert [each() for each in alive] == [None, None]


def test_style_of_one_picture_and_composition_of_another_are_those_of_diffusers(setting):
    """Its two adapters are one file loaded twice; ours is one adapter that looks at both."""
    model, one, other = setting.painter("sdxl").model, picture(3), picture(4, 64, 100)
    pipe, reader = setting.theirs("sdxl", "plus", "plus"), setting.reader("sdxl", "plus")
    model.controls.hang("reference", reader)
    style, composition = prompts(reader, one, "style", SCALE), prompts(reader, other, "composition", 0.8)
    images = [shown(one), shown(other)]
    pictures = []
    for scales, worn in (
        ([STYLE, 0.0], [style]),
        ([0.0, COMPOSITION], [composition]),
        ([STYLE, COMPOSITION], [style, composition]),
    ):
        pipe.set_ip_adapter_scale(scales)
        expected = theirs(pipe, setting.painter("sdxl"), ip_adapter_image=images)
        got = drawn(model, [wanted for wanted, _ in worn], [unwanted for _, unwanted in worn])
        assert_same(got, expected)
        pictures.append(got)
    model.controls.remove("reference")
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(pictures[first] - pictures[second]).mean() > 1


@pytest.mark.parametrize("size", [(64, 64), (300, 200), (201, 333), (640, 480), (224, 225), (37, 100)])
def test_a_picture_is_put_before_the_tower_as_transformers_puts_it(size):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    seen = picture(5, *size)
    prepare = CLIPImageProcessorPil(do_normalize=False)
    expected = prepare(shown(seen), return_tensors="pt")["pixel_values"]
    got = fit(seen, 224)
    assert got.shape == expected.shape
    difference = (got - expected).abs() * 255
    assert difference.max() < 1.01
    assert (difference > 0.5).float().mean() < 0.01  # Pillow rounds its weights, too
