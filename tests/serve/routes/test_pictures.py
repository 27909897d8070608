"""The gallery over HTTP: found, looked at, marked, deleted; and settings restored from files."""

import io
import json

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from sfumato.provenance.recipe import Recipe
from sfumato.serve.app import app_of
from sfumato.serve.guarding.guard import CLIENT


def asking_as(app, client):
    """The app as if the guard had found out that this client asks."""

    async def asked(scope, receive, send):
        await app({**scope, CLIENT: client}, receive, send)

    return TestClient(asked)


@pytest.fixture(scope="module")
def app(room):
    return app_of(room.studio)


@pytest.fixture(scope="module")
def local(app):
    return asking_as(app, "local")


@pytest.fixture
def drawn(room):
    return room.draw(prompt="a Red cat", seed=7, steps=2, count=2)


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [picture["id"] for picture in answer.json()["pictures"]]


def png(**texts):
    chunks = PngInfo()
    for name, text in texts.items():
        chunks.add_itxt(name, text)
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


def restore(client, data):
    return client.post("/v1/restore", files={"file": ("x.png", data, "image/png")})


def test_a_drawn_picture_is_found_with_its_settings_and_without_its_place(local, drawn):
    newest = sorted(drawn.pictures)[::-1]  # whichever of the two was finished last
    assert ids(local.get("/v1/pictures"))[:2] == newest
    assert ids(local.get("/v1/pictures?words=CAT red&limit=2")) == newest
    assert ids(local.get("/v1/pictures?words=dog")) == []
    assert ids(local.get(f"/v1/pictures?before={newest[0]}&limit=1")) == [newest[1]]
    assert ids(local.get(f"/v1/pictures?since={drawn.created - 1}&until={drawn.created}")) == []
    record = local.get(f"/v1/pictures/{drawn.pictures[1]}").json()
    assert (record["prompt"], record["seed"], record["job"]) == ("a Red cat", 8, drawn.id)
    assert record["request"]["steps"] == 2
    assert "file" not in record


def test_the_image_is_the_kept_file_with_its_receipt_and_a_thumbnail_is_small(local, drawn, room):
    place = f"/v1/pictures/{drawn.pictures[0]}"
    image = local.get(f"{place}/image")
    assert image.headers["content-type"] == "image/png"
    assert image.content == room.studio.folder.read(room.studio.store.picture(drawn.pictures[0]))
    with Image.open(io.BytesIO(image.content)) as opened:
        assert Recipe.from_json(opened.info["sfumato"]).request.seed == 7
    assert "content-disposition" not in image.headers
    assert "attachment" in local.get(f"{place}/image?download=1").headers["content-disposition"]
    small = local.get(f"{place}/thumbnail")
    assert small.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(small.content)).format == "WEBP"


def test_what_somebody_has_is_not_sent_again_and_not_shown_once_deleted(local, drawn):
    place = f"/v1/pictures/{drawn.pictures[0]}"
    first = local.get(f"{place}/image")
    again = {"If-None-Match": first.headers["etag"]}
    assert local.get(f"{place}/image", headers=again).status_code == 304
    assert local.get(f"{place}/image", headers={"If-None-Match": "*"}).status_code == 304
    assert "no-cache" in first.headers["cache-control"]
    assert local.delete(place).status_code == 204
    assert local.get(f"{place}/image", headers=again).status_code == 404


def test_favourites_are_marked_and_found(local, drawn):
    place = f"/v1/pictures/{drawn.pictures[0]}"
    assert local.patch(place, json={"favourite": True}).json()["favourite"] is True
    assert drawn.pictures[0] in ids(local.get("/v1/pictures?favourite=true"))
    assert local.patch(place, json={"favourite": False}).json()["favourite"] is False
    assert local.patch(place, json={"favourite": False, "prompt": "x"}).status_code == 422


def test_a_deleted_picture_is_gone_and_its_neighbour_stays(local, drawn, room):
    gone, stays = drawn.pictures
    path = room.studio.folder.file(room.studio.store.picture(gone))
    local.get(f"/v1/pictures/{gone}/thumbnail")
    done = local.delete(f"/v1/pictures/{gone}")
    assert (done.status_code, done.content, "content-type" in done.headers) == (204, b"", False)
    for answer in ("", "/image", "/thumbnail"):
        assert local.get(f"/v1/pictures/{gone}{answer}").status_code == 404
    assert local.delete(f"/v1/pictures/{gone}").status_code == 404
    assert gone not in ids(local.get("/v1/pictures"))
    assert not path.exists()
    assert not room.studio.folder.thumbnail_path(gone).exists()
    assert local.get(f"/v1/jobs/{drawn.id}").json()["pictures"] == [stays]


def test_a_deleted_picture_that_was_brought_back_to_go_on_from_is_gone_too(local, room):
    place = f"/v1/pictures/{room.draw(seed=4711, steps=1).pictures[0]}"
    png = local.get(f"{place}/image").content
    brought = local.post("/v1/uploads", files={"file": ("a.png", png)}).json()["digest"]
    assert brought == local.get(place).json()["pixels"]
    assert local.delete(place).status_code == 204
    assert local.get(f"/v1/uploads/{brought}").status_code == 404
    assert not [path for path in room.studio.folder.path.rglob("*") if brought in path.name]


def test_a_database_that_is_away_is_told_as_such_and_asked_again_later(local, drawn, room, monkeypatch):
    def away(id):  # noqa: A002
        raise OperationalError("SELECT", {}, Exception("disk full"))

    monkeypatch.setattr(room.studio.store, "job", away)
    answer = local.get(f"/v1/jobs/{drawn.id}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "disk full" not in answer.text


def test_head_tells_of_a_picture_without_sending_it(local, drawn):
    for path in (f"/v1/pictures/{drawn.pictures[0]}/image", "/v1/jobs", "/v1/health", "/sdapi/v1/samplers"):
        whole, head = local.get(path), local.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.content))
    assert local.head("/v1/pictures/none").status_code == 422
    assert local.head("/nowhere").status_code == 404
    job = f"/v1/jobs/{drawn.id}"
    assert local.head(f"{job}/events").status_code == 405


def test_what_a_path_does_is_told_where_something_else_is_asked(local, drawn):
    job = f"/v1/jobs/{drawn.id}"
    assert local.put("/v1/jobs").headers["allow"] == "GET, HEAD, POST"
    assert local.put(job).headers["allow"] == "DELETE, GET, HEAD"
    assert local.post(f"{job}/events").headers["allow"] == "GET"


def test_clients_neither_see_nor_touch_each_others_pictures(local, app, drawn):
    stranger = asking_as(app, "stranger")
    place = f"/v1/pictures/{drawn.pictures[0]}"
    assert ids(stranger.get("/v1/pictures")) == []
    for answer in (
        *(stranger.get(place + part) for part in ("", "/image", "/thumbnail")),
        stranger.patch(place, json={"favourite": True}),
        stranger.delete(place),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "not_found"
    assert local.get(place).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["x", "../../etc/passwd", "%00", "0" * 24, "0" * 25, "0" * 25 + "/image"],
)
def test_what_is_no_picture_is_not_found(local, path):
    assert local.get(f"/v1/pictures/{path}").status_code in (404, 422)


@pytest.mark.parametrize(
    "asked", ["limit=0", "limit=201", "before=x", "since=nan", "since=-1", "favourite=maybe"]
)
def test_a_search_that_makes_no_sense_is_refused_by_the_name_of_what_is_wrong(local, asked):
    answer = local.get(f"/v1/pictures?{asked}")
    assert answer.status_code == 422
    assert answer.json()["error"]["param"] == asked.split("=")[0]


def test_signs_in_a_search_are_only_signs(local, drawn):
    for words in ("%", "_", "'", "\\", "\0", "%' OR 1=1 --"):
        assert ids(local.get("/v1/pictures", params={"words": words})) == []


# settings restored --------------------------------------------------------------------------------


def test_a_picture_of_ours_gives_its_wish_which_draws_it_again(local, drawn, room):
    image = local.get(f"/v1/pictures/{drawn.pictures[1]}/image").content
    found = restore(local, image).json()
    assert (found["ours"], found["notes"]) == (True, [])
    again = room.draw(**found["wish"])
    old, new = (room.studio.store.picture(each) for each in (drawn.pictures[1], again.pictures[0]))
    assert new.pixels == old.pixels
    assert new.id != old.id


def test_a_picture_of_a1111_gives_what_has_a_meaning_here_and_names_the_rest(local):
    text = (
        "a castle\nNegative prompt: fog\nSteps: 5, Sampler: Euler a, CFG scale: 6.5, Seed: 3, Size: 16x24, "
    )
    found = restore(local, png(parameters=text + "Model: dreamshaper, Face restoration: GFPGAN")).json()
    assert found["wish"] == {
        "prompt": "a castle", "negative": "fog", "steps": 5, "sampler": "euler_ancestral", "guidance": 6.5,
        "seed": 3, "size": [16, 24],
    }  # fmt: skip
    assert not found["ours"]
    assert any("'dreamshaper' is not here" in note for note in found["notes"])
    assert any("Face restoration" in note for note in found["notes"])


def test_pictures_that_a_receipt_names_are_asked_for_where_they_are_not(local, app, drawn, room):
    pixels = room.studio.store.picture(drawn.pictures[0]).pixels
    job = room.draw(prompt="a dog", picture=pixels, strength=0.5, steps=2, seed=1)
    image = local.get(f"/v1/pictures/{job.pictures[0]}/image").content
    assert restore(local, image).json()["wish"]["picture"] == pixels
    found = restore(asking_as(app, "stranger"), image).json()
    assert "picture" not in found["wish"]
    assert any("the picture that it went on from is not here" in note for note in found["notes"])


def test_a_wish_that_was_restored_is_one_that_can_be_checked(local):
    text = f"{'x' * 30_000}\nSteps: 99999999, Sampler: Euler, CFG scale: 5000, Seed: 3, Size: 99999x2"
    found = restore(local, png(parameters=text)).json()
    assert found["wish"] == {"sampler": "euler", "seed": 3}
    assert len(found["notes"]) >= 4


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no PNG"),
        (b"hello", "no PNG"),
        (png(), "carries no settings"),
        (png(sfumato='{"a": 1}'), "recipe"),
    ],
    ids=["nothing", "text", "bare", "altered"],
)
def test_a_file_without_settings_is_refused_with_the_reason(local, data, said):
    answer = restore(local, data)
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(local):
    file = io.BytesIO()
    Image.new("1", (9000, 9000)).save(file, "PNG")
    answer = restore(local, file.getvalue())
    assert answer.status_code == 422
    assert "pixels" in answer.json()["error"]["message"]


def test_a_form_without_a_file_is_refused(local):
    assert local.post("/v1/restore", data={"file": "text"}).status_code == 422
    assert local.post("/v1/restore", content=json.dumps({})).status_code in (400, 415, 422)
