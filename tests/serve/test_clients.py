"""The whole server behind its guard: two holders of tokens, and a stranger, on every route."""

import base64
import io
import json
import time
from dataclasses import replace

import pytest
from asgi import ask
from PIL import Image

from sfumato.engine.precision import ModelFile
from sfumato.serve.app import app_of
from sfumato.serve.guarding.guard import Guard
from sfumato.serve.settings import Limits, Settings
from sfumato.serve.store import Folder, open_store
from sfumato.serve.studio import Studio

ANNA, BERT, CARL = "annas-token-0123456789", "berts-token-0123456789", "carls-token-0123456789"
BOUNDARY = "xyzxyz"


@pytest.fixture(scope="module")
def settings(tmp_path_factory, tiny_weights):
    place = tmp_path_factory.mktemp("served")
    tokens = place / "tokens"
    tokens.write_text(f"anna:{ANNA}\nbert:{BERT}\ncarl:{CARL}:3:4\n")
    tokens.chmod(0o600)
    models = (ModelFile(name="world", path=tiny_weights),)
    limits = Limits(upload_bytes=300_000, upload_pixels=10_000)
    return Settings(
        gallery=place / "gallery", models=models, budget=1 << 30, limits=limits, token_file=tokens,
        listen="0.0.0.0",  # noqa: S104
    )  # fmt: skip


@pytest.fixture(scope="module")
def app(settings):
    folder, guard = Folder(settings.gallery), Guard(settings)
    studio = Studio(settings, open_store(folder.database), folder, guard.quotas).start()
    yield app_of(studio, guard.around)
    studio.stop()


@pytest.fixture
def client(app):
    """Asks as the holder of a token; JSON comes back as it is, all else as bytes."""

    def asks(token, method, target, body=None, **options):
        headers = [("Authorization", f"Bearer {token}")] if token else []
        headers += options.pop("headers", [])
        if isinstance(body, bytes):
            headers.append(("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"))
        elif body is not None:
            headers.append(("Content-Type", "application/json"))
            body = json.dumps(body).encode()
        answer = ask(app, method, target, headers, body or b"", **options)
        told = answer.body and answer.headers.get("content-type") == "application/json"
        return answer.status, json.loads(answer.body) if told else answer.body, answer.headers

    return asks


def form(data, name="a.png", kind="image/png", field="file"):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    return f"{head}Content-Type: {kind}\r\n\r\n".encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def several(colour):
    words = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na cat\r\n'
    return words.encode() + form(png(colour), field="image")


def png(colour="red", size=(12, 8)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def drawn(client, token, **wish):
    status, job, _ = client(token, "POST", "/v1/jobs", {"prompt": "a red cat", "steps": 2, **wish})
    assert status == 201, job
    end = time.monotonic() + 60
    while (job := client(token, "GET", f"/v1/jobs/{job['id']}")[1])["state"] not in ("done", "failed"):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert job["state"] == "done", job["error"]
    return job


# uploads -------------------------------------------------------------------------------------------


def test_an_upload_is_given_back_as_a_file_and_to_its_owner_alone(client):
    status, told, _ = client(ANNA, "POST", "/v1/uploads", form(png(), "../../evil.html", "text/html"))
    assert status == 201
    path = f"/v1/uploads/{told['digest']}"
    status, body, headers = client(ANNA, "GET", path)
    assert status == 200
    assert Image.open(io.BytesIO(body)).getpixel((0, 0)) == (255, 0, 0)
    assert headers["content-type"] == "image/png"
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"
    assert "evil" not in str(headers)
    assert client(BERT, "GET", path)[0] == 404
    assert client(None, "GET", path)[0] == 401
    assert client(BERT, "DELETE", path)[0] == 404
    assert client(ANNA, "DELETE", path)[0] == 204
    assert client(ANNA, "GET", path)[0] == 404


def test_a_disk_that_is_nearly_full_takes_nothing_more(client, monkeypatch):
    monkeypatch.setattr("sfumato.serve.routes.bringing.LEAST_FREE", 2**80)
    status, told, _ = client(ANNA, "POST", "/v1/uploads", form(png()))
    assert (status, "nearly full" in told["error"]["message"]) == (503, True)


def test_whoever_has_as_many_uploads_as_allowed_is_told_the_way_out_by_all_ways(client, app, monkeypatch):
    limits = replace(app.state.studio.settings.limits, uploads_per_client=1)
    monkeypatch.setattr(app.state.studio, "settings", replace(app.state.studio.settings, limits=limits))
    status, first, _ = client(BERT, "POST", "/v1/uploads", form(png("black")))
    assert status == 201
    status, told, _ = client(BERT, "POST", "/v1/uploads", form(png("white")))
    assert (status, "delete some" in told["error"]["message"]) == (413, True)
    image = base64.b64encode(png("white")).decode()
    status, told, _ = client(BERT, "POST", "/sdapi/v1/img2img", {"prompt": "a cat", "init_images": [image]})
    assert (status, "delete some" in told["detail"]) == (413, True)
    status, _, _ = client(BERT, "POST", "/v1/images/edits", several("white"))
    assert status == 413
    assert client(BERT, "DELETE", f"/v1/uploads/{first['digest']}")[0] == 204
    assert client(BERT, "POST", "/v1/uploads", form(png("white")))[0] == 201


def test_no_way_in_makes_pictures_larger_than_an_upload_may_be(client):
    digest = client(ANNA, "POST", "/v1/uploads", form(png("pink")))[1]["digest"]
    asked = {"picture": digest, "size": [200, 200]}
    assert client(ANNA, "POST", "/v1/conditions/edges", asked)[0] == 413
    small, large = (base64.b64encode(png("red", size)).decode() for size in ((12, 8), (80, 80)))
    for more in ({"init_images": [small], "width": 200, "height": 200}, {"init_images": [large] * 2}):
        status, told, _ = client(ANNA, "POST", "/sdapi/v1/img2img", {"prompt": "a cat", **more})
        assert (status, "ask for less" in told["detail"]) == (413, True)


@pytest.mark.parametrize(
    "name", ["../../../evil.png", "/etc/passwd", "a\\..\\b", "nul\0l.png", "x" * 3000, "äö.png"]
)
def test_the_name_of_a_file_makes_no_file(client, settings, name):
    before = {path.name for path in settings.gallery.parent.rglob("*")}
    client(ANNA, "POST", "/v1/uploads", form(png("blue"), name))
    new = {path.name for path in settings.gallery.parent.rglob("*")} - before
    assert all(set(each) <= set("0123456789abcdef.png") for each in new)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (form(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.png", "image/png"), 422),
        (form(b""), 422),
        (form(png(size=(200, 200))), 422),
        (form(png(), field="other"), 422),
        (form(b"\0" * 400_000), 413),
        (b"no form at all", 400),
        (b"--" + BOUNDARY.encode() + b"\r\n\r\n", 400),
        (form(png()).replace(b"form-data", b"form-data" + b"x" * 5000), 400),
        (form(png())[:-40], 400),
    ],
)
def test_what_cannot_be_taken_is_told_in_one_line(client, body, status):
    found, told, _ = client(ANNA, "POST", "/v1/uploads", body)
    assert found == status
    assert "\n" not in told["error"]["message"]
    assert "/" not in told["error"]["message"]


def test_two_files_in_a_form_are_one_too_many(client):
    twice = form(png()).rpartition(b"--" + BOUNDARY.encode())[0] + form(png())
    assert client(ANNA, "POST", "/v1/uploads", twice)[0] in (400, 422)


def test_a_wish_names_pictures_of_its_own_client_only(client):
    told = client(ANNA, "POST", "/v1/uploads", form(png("green", (16, 16))))[1]
    drawn(client, ANNA, picture=told["digest"], strength=0.5)
    status, error, _ = client(
        BERT, "POST", "/v1/jobs", {"prompt": "a", "picture": told["digest"], "strength": 0.5}
    )
    assert status == 422
    assert "upload it" in error["error"]["message"]


@pytest.mark.parametrize(
    "picture", ["http://127.0.0.1:1/x.png", "file:///etc/passwd", "data:image/png;base64,AAAA"]
)
def test_no_address_is_fetched(client, monkeypatch, picture):
    import socket

    def connected(*_):
        raise AssertionError("the server called somewhere")

    monkeypatch.setattr(socket.socket, "connect", connected)
    assert client(ANNA, "POST", "/v1/jobs", {"prompt": "a", "picture": picture})[0] == 422
    if not picture.startswith("data:"):
        body = {"prompt": "a", "init_images": [picture], "steps": 1}
        assert client(ANNA, "POST", "/sdapi/v1/img2img", body)[0] in (400, 404, 422)


# whose is what -------------------------------------------------------------------------------------


def test_jobs_are_seen_by_their_client_alone(client):
    job = drawn(client, ANNA, seed=1)
    for method, target in (("GET", ""), ("DELETE", ""), ("GET", "/events"), ("GET", "/preview")):
        assert client(BERT, method, f"/v1/jobs/{job['id']}{target}")[0] == 404
    assert job["id"] not in str(client(BERT, "GET", "/v1/jobs")[1])
    assert job["id"] in str(client(ANNA, "GET", "/v1/jobs")[1])
    assert client(ANNA, "GET", f"/v1/jobs/{job['id']}/events")[0] == 200


def test_pictures_are_seen_by_their_client_alone(client):
    job = drawn(client, ANNA, seed=2)
    (picture,) = job["pictures"]
    for method, target, body in (
        ("GET", "", None), ("GET", "/image", None), ("GET", "/thumbnail", None), ("DELETE", "", None),
        ("PATCH", "", {"favourite": True}),
    ):  # fmt: skip
        assert client(BERT, method, f"/v1/pictures/{picture}{target}", body)[0] == 404
        assert client(None, method, f"/v1/pictures/{picture}{target}", body)[0] == 401
    assert picture not in str(client(BERT, "GET", "/v1/pictures")[1])
    assert client(ANNA, "GET", f"/v1/pictures/{picture}/image")[0] == 200


def test_two_who_draw_the_same_both_have_it(client):
    jobs = [drawn(client, token, seed=3) for token in (ANNA, BERT)]
    for token, job in zip((ANNA, BERT), jobs, strict=True):
        kept = client(token, "GET", f"/v1/pictures/{job['pictures'][0]}")[1]
        drawn(client, token, picture=kept["pixels"], strength=0.5)


def test_a_key_is_its_clients_own(client):
    keys = [("Idempotency-Key", "the-same")]
    wish = {"prompt": "a red cat", "steps": 2}
    jobs = [client(token, "POST", "/v1/jobs", wish, headers=keys)[1]["id"] for token in (ANNA, BERT, ANNA)]
    assert jobs[0] == jobs[2] != jobs[1]


def test_quotas_answer_429_with_the_time_and_which_it_was(client):
    wish = {"prompt": "a red cat", "steps": 1, "count": 2}
    keys = [("Idempotency-Key", "carls")]
    first = client(CARL, "POST", "/v1/jobs", wish, headers=keys)[1]["id"]
    assert client(CARL, "POST", "/v1/jobs", wish)[0] == 201
    status, told, headers = client(CARL, "POST", "/v1/jobs", wish)
    assert status == 429
    assert "4 pictures per day" in told["error"]["message"]
    assert 86_000 < int(headers["retry-after"]) <= 86_400
    again = client(CARL, "POST", "/v1/jobs", wish, headers=keys)
    assert (again[0], again[1]["id"]) == (201, first)
    assert client(CARL, "POST", "/v1/images/generations", {"prompt": "a"})[0] == 429
    assert client(CARL, "POST", "/sdapi/v1/txt2img", {"prompt": "a"})[0] == 429


def test_more_than_a_quota_ever_gives_is_not_to_be_waited_for(client):
    status, told, headers = client(CARL, "POST", "/v1/jobs", {"prompt": "a red cat", "count": 5})
    assert (status, told["error"]["param"]) == (422, "count")
    assert "ask for fewer" in told["error"]["message"]
    assert "retry-after" not in headers


def test_quotas_hold_over_a_restart(settings, app, client):
    drawn(client, ANNA, seed=4)
    guard = Guard(settings)
    studio = Studio(settings, app.state.studio.store, app.state.studio.folder, guard.quotas)
    from sfumato.serve.guarding.quotas import QuotaSpent
    from sfumato.serve.spending import remember

    remember(guard.quotas, studio.store)
    with pytest.raises(QuotaSpent, match="4 pictures per day"):
        guard.quotas.spend("carl", 1)


def test_a_stranger_hears_that_the_server_is_there_and_no_more(client):
    assert client(None, "GET", "/v1/health")[1] == {"alive": True}
    assert client(None, "GET", "/v1/ready")[1] == {"ready": True}
    drawn(client, ANNA, seed=5)
    assert client(BERT, "GET", "/v1/ready")[1]["resident"]


# logging in ----------------------------------------------------------------------------------------


def test_the_page_logs_in_by_a_cookie_and_out_again(client):
    page = [("Origin", "http://127.0.0.1:7860"), ("Sec-Fetch-Site", "same-origin")]
    assert client(None, "GET", "/v1/session")[1] == {"client": None, "tokens": True}
    assert client(None, "POST", "/v1/session", {"token": "x" * 20}, headers=page)[0] == 401
    status, told, headers = client(None, "POST", "/v1/session", {"token": ANNA}, headers=page)
    assert (status, told) == (200, {"client": "anna", "tokens": True})
    cookie = headers["set-cookie"]
    assert ANNA not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    sent = [*page, ("Cookie", cookie.partition(";")[0])]
    assert client(None, "GET", "/v1/session", headers=sent)[1]["client"] == "anna"
    assert client(None, "POST", "/v1/jobs", {"prompt": "a cat", "steps": 1}, headers=sent)[0] == 201
    foreign = [("Origin", "http://evil.example"), sent[-1]]
    assert client(None, "POST", "/v1/jobs", {"prompt": "a"}, headers=foreign)[0] == 403
    assert client(None, "DELETE", "/v1/session", headers=sent)[0] == 200
    assert client(None, "GET", "/v1/jobs", headers=sent)[0] == 401


def test_by_https_the_cookie_is_for_https_alone(client):
    page = [("Origin", "https://127.0.0.1:7860")]
    cookie = client(None, "POST", "/v1/session", {"token": ANNA}, headers=page)[2]["set-cookie"]
    assert "Secure" in cookie


def test_no_token_is_logged_or_told(client, caplog):
    caplog.set_level(0)
    client(ANNA, "GET", "/v1/jobs")
    client("wrong-token-0123456789", "GET", "/v1/jobs")
    status, told, _ = client(None, "POST", "/v1/session", {"token": ANNA, "more": ANNA})
    assert status == 422
    for token in (ANNA, "wrong-token-0123456789"):
        assert token not in caplog.text
        assert token not in str(told)


# every route ---------------------------------------------------------------------------------------

CLIMBING = [
    "..", ".", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "%c0%ae%c0%ae",
    "..%5c", "a" * 3000, "%ef%bc%8f", "'; --", "~root", "-",
]  # fmt: skip


def routes(app):
    return [(method.upper(), path) for path, found in app.openapi()["paths"].items() for method in found]


def test_no_route_answers_without_a_token_but_those_that_say_so(client, app):
    free = {"/v1/health", "/v1/ready", "/v1/session"}
    for method, path in routes(app):
        if path not in free:
            assert client(None, method, path.replace("{", "").replace("}", ""))[0] == 401, (method, path)
    assert client(None, "GET", "/openapi.json")[0] == 401
    assert client(None, "GET", "/metrics")[0] == 401
    assert client(None, "GET", "/docs")[0] == 401


@pytest.mark.parametrize("part", CLIMBING)
def test_no_part_of_a_path_climbs_or_breaks(client, app, part):
    from urllib.parse import quote

    written = quote(part, safe="%~'-.")
    tried = 0
    for method, path in routes(app):
        if "{" in path:
            before, _, rest = path.partition("{")
            status, body, _ = client(ANNA, method, before + written + rest.partition("}")[2])
            assert 400 <= status < 500, (method, path)
            assert b"root:" not in (body if isinstance(body, bytes) else json.dumps(body).encode())
            tried += 1
    assert tried > 5
    assert client(ANNA, "GET", f"/page/{written}")[0] in (400, 404)


def test_no_error_tells_where_files_lie(client, app, settings):
    for method, path in routes(app):
        filled = path.replace("{", "").replace("}", "")
        for body in (None, {}, {"prompt": "x", "picture": "0" * 64}, form(b"x")):
            status, told, _ = client(ANNA, method, filled, body)
            text = str(told)
            assert status < 500 or status == 503, (method, path, text)
            assert str(settings.gallery.parent) not in text
            assert "Traceback" not in text
