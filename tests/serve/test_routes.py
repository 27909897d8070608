"""The routes over HTTP: what there is, words, events as they come over the wire, errors in one form."""

import asyncio
import json
import re
import threading
import time
from io import BytesIO

import httpx
import pytest
import uvicorn
from PIL import Image

from sfumato.serve.app import app_of
from sfumato.serve.events import Hub
from sfumato.serve.serving import listening


@pytest.fixture(scope="module")
def app(room):
    room.draw(steps=1)
    return app_of(room.studio)


@pytest.fixture(scope="module")
def web(app):
    """A client of the app on a real port: streams arrive as they are sent."""
    taken = listening("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([taken],), daemon=True)
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}", timeout=30) as client:
        yield client
    server.should_exit = True
    thread.join(10)


def told(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json()


def problem(answer, status):
    return told(answer, status)["error"]


def streamed(web, path, **headers):
    """The events of a stream as (kind, data, id)."""
    events, lines = [], []
    with web.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line:
                lines.append(line)
                continue
            fields = dict(each.split(": ", 1) for each in lines if not each.startswith(":"))
            if "event" in fields:
                events.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
            lines = []
    return events


def test_a_job_is_asked_for_watched_and_fetched(web):
    asked = web.post("/v1/jobs", json={"prompt": "a red cat", "seed": 3, "steps": 4})
    job = told(asked, 201)
    assert asked.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["wish"]["seed"]) == ("queued", 3)
    events = streamed(web, f"/v1/jobs/{job['id']}/events")
    assert events[-1][0] == "done"
    done = events[-1][1]["job"]
    assert done == told(web.get(f"/v1/jobs/{job['id']}"))
    assert len(done["pictures"]) == 1
    assert done["id"] in [each["id"] for each in told(web.get("/v1/jobs"))["jobs"]]


def test_a_stream_goes_on_where_it_broke_off(web):
    job = told(web.post("/v1/jobs", json={"prompt": "a cat", "steps": 600}), 201)
    path = f"/v1/jobs/{job['id']}/events"
    heard = []
    with web.stream("GET", path) as answer:
        for line in answer.iter_lines():
            heard += [line[4:]] * line.startswith("id: ")
            if len(heard) > 1:
                break
    last = heard[-1]
    events = streamed(web, path, **{"Last-Event-ID": last})
    assert events[-1][0] == "done"
    numbers = [int(number) for _, _, number in events if number is not None]
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= int(last)
    assert "last" not in streamed(web, path, **{"Last-Event-ID": "nonsense"})[0][1]


def test_what_happens_while_the_present_is_looked_at_is_told_once(room, monkeypatch):
    studio = room.studio
    job = room.ask(steps=3000)
    room.until(lambda: studio.hub.last(job.id) and studio.hub.last(job.id).kind == "step")

    async def first_numbers():
        with monkeypatch.context() as patched:
            plain = studio.present

            def present(job):  # a step is told just before it is read which was the last
                studio.hub.tell(job.id, "step", {"index": 1, "total": 3000, "picture": 99})
                return plain(job)

            patched.setattr(studio, "present", present)
            events = studio.events(job.id, previews=False)
            return [(await anext(events)).id for _ in range(3)]

    numbers = asyncio.run(first_numbers())
    asyncio.run(studio.cancel(job.id))
    assert numbers == sorted(set(numbers))


def test_a_number_of_an_earlier_server_is_none_of_this_one(web, room):
    job = told(web.post("/v1/jobs", json={"prompt": "a cat", "steps": 3000}), 201)
    path = f"/v1/jobs/{job['id']}/events"
    room.until(lambda: (room.studio.hub.last(job["id"]) or job) != job)
    number = room.studio.hub.last(job["id"]).id
    assert Hub()._first > number - 10_000
    assert number > 1_600_000_000_000
    with web.stream("GET", path, headers={"Last-Event-ID": "1"}) as answer:
        lines = answer.iter_lines()
        assert any(line.startswith("event: ") for line in lines)
    web.delete(f"/v1/jobs/{job['id']}")


def test_a_job_is_cancelled_by_its_deletion(web):
    job = told(web.post("/v1/jobs", json={"prompt": "a cat", "steps": 3000}), 201)
    assert told(web.delete(f"/v1/jobs/{job['id']}"))["state"] == "cancelled"
    assert streamed(web, f"/v1/jobs/{job['id']}/events") == [("cancelled", {}, None)]
    assert told(web.delete(f"/v1/jobs/{job['id']}"))["state"] == "cancelled", "once more is no error"


def test_what_a_job_shows_now_is_fetched_small_and_in_full(web, room):
    job = told(web.post("/v1/jobs", json={"prompt": "a cat", "steps": 3000}), 201)
    path = f"/v1/jobs/{job['id']}/preview"
    end = time.monotonic() + 20
    while web.get(path).status_code == 404:
        assert time.monotonic() < end
    small, full = (Image.open(BytesIO(web.get(path, params=how).content)) for how in ({}, {"full": 1}))
    assert full.size == (16, 16)
    assert small.format == full.format == "PNG"
    web.delete(f"/v1/jobs/{job['id']}")
    room.until(lambda: job["id"] not in room.studio.worker.running)
    assert "nothing is to be seen" in problem(web.get(path), 404)["message"]


def test_a_key_makes_a_wish_the_same_job(web):
    key = {"Idempotency-Key": "one"}
    first, again = (
        told(web.post("/v1/jobs", json={"prompt": "a cat", "steps": 1}, headers=key), 201)["id"]
        for _ in range(2)
    )
    assert first == again
    other = web.post("/v1/jobs", json={"prompt": "a dog", "steps": 1}, headers=key)
    assert problem(other, 409)["type"] == "conflict"


@pytest.mark.parametrize(
    ("send", "status", "param"),
    [
        ({"json": {"prompt": "a cat", "steps": 0}}, 422, "steps"),
        ({"json": {"prompt": "a cat", "stepps": 3}}, 422, "stepps"),
        ({"json": {"prompt": "a cat", "model": "sdx"}}, 422, None),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, None),
        ({"json": {"prompt": "a cat", "guidance": "4cfg"}}, 422, "guidance"),
    ],
)
def test_what_is_wrong_with_a_wish_is_told_in_one_form(web, send, status, param):
    found = problem(web.post("/v1/jobs", **send), status)
    assert found["type"] == "invalid_request"
    assert found["param"] == param
    assert found["message"]


def test_other_mistakes_are_told_in_the_same_form(web):
    assert problem(web.get("/v1/nothing"), 404)["type"] == "not_found"
    assert problem(web.put("/v1/jobs"), 405)["type"] == "method_not_allowed"
    assert problem(web.get("/v1/jobs/" + "0" * 25), 404)["type"] == "not_found"
    assert problem(web.get("/v1/jobs/"), 404)["type"] == "not_found"
    assert problem(web.get("/v1/jobs/short"), 422)["param"] == "id"


@pytest.mark.parametrize("what", ["samplers", "levels", "guides", "conditions", "styles", "models"])
def test_what_there_is_is_listed_by_name(web, what):
    found = told(web.get(f"/v1/{what}"))[what]
    assert found
    assert all(each["name"] for each in found)


def test_a_model_tells_what_it_can_draw(web):
    model, world = told(web.get("/v1/models"))["models"]
    assert (model["name"], world["name"]) == ("tiny", "world")
    assert world["resident"] is None
    assert model["default"] is True
    assert model["native"] == [16, 16]
    assert model["sizes"] == {"multiple": 4, "least": 8, "most": 32}
    assert model["resident"] > 0


def test_looks_have_thumbnails(web):
    styles = told(web.get("/v1/styles"))["styles"]
    name = next(each["name"] for each in styles if each["has_thumbnail"])
    assert Image.open(BytesIO(web.get(f"/v1/styles/{name}/thumbnail").content)).format == "WEBP"
    problem(web.get("/v1/styles/no-such-look/thumbnail"), 404)


def test_tokens_are_told_with_what_is_cut_and_what_is_not_known(web):
    found = told(web.post("/v1/tokens", json={"prompt": "a (red:1.2) feline", "model": "world"}))
    assert [each["weight"] for chunk in found["tokens"] for each in chunk][1] == pytest.approx(1.2)
    assert found["used"] == sum(map(len, found["tokens"])) <= found["room"]
    assert found["cut"] == ""
    assert {"word": "feline", "instead": ["cat"], "why": "means"} in found["unknown"]
    assert "1" not in {each["word"] for each in found["unknown"]}, "weights are no words"
    long = told(web.post("/v1/tokens", json={"prompt": "cat " * 200, "model": "world"}))
    assert long["cut"].startswith("cat")


def test_words_are_completed_and_wishes_made_sentences(web):
    offers = told(web.get("/v1/words/complete", params={"text": "a red c", "model": "world"}))["offers"]
    assert "a red cat" in [each["text"] for each in offers]
    found = told(web.post("/v1/words/expand", json={"sentence": "something spooky", "seed": 1}))
    assert found["original"] == "something spooky"
    assert found["sentence"] != found["original"]


def test_a_control_shows_what_it_sees(web):
    file = BytesIO()
    Image.radial_gradient("L").resize((32, 32)).convert("RGB").save(file, "PNG")
    digest = told(web.post("/v1/uploads", files={"file": file.getvalue()}), 201)["digest"]
    seen = told(web.post("/v1/conditions/luminance", json={"picture": digest, "size": [16, 16]}))
    assert (seen["width"], seen["height"]) == (16, 16)
    assert web.get(f"/v1/uploads/{seen['digest']}").status_code == 200
    assert "canny" in problem(web.post("/v1/conditions/cany", json={"picture": digest}), 422)["message"]
    problem(web.post("/v1/conditions/blur", json={"picture": "0" * 64}), 404)


def test_a_check_draws_nothing(web):
    before = len(told(web.get("/v1/jobs?limit=200"))["jobs"])
    wish = {"prompt": "a red feline", "negative": "a dog", "guidance": 1}
    notes = told(web.post("/v1/check", json=wish))["notes"]
    assert any("negative prompt has no effect" in note for note in notes)
    assert len(told(web.get("/v1/jobs?limit=200"))["jobs"]) == before


def test_the_server_tells_whether_it_can_draw(web, room):
    assert told(web.get("/v1/health")) == {"alive": True}
    assert told(web.get("/v1/ready"))["ready"] is True
    room.studio.worker.dead = RuntimeError("gone")
    try:
        found = problem(web.get("/v1/ready"), 503)
    finally:
        room.studio.worker.dead = None
    assert "RuntimeError: gone" in found["message"]


def test_prometheus_is_told_of_jobs_forwards_and_requests_by_template(web):
    job = told(web.post("/v1/jobs", json={"prompt": "a cat", "steps": 3}), 201)
    streamed(web, f"/v1/jobs/{job['id']}/events")
    text = web.get("/metrics").text
    found = dict(re.findall(r"^(sfumato_\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE))
    assert float(found['sfumato_jobs_ended_total{state="done"}']) >= 1
    assert float(found['sfumato_forwards_total{rows="2"}']) >= 3
    assert float(found['sfumato_model_bytes{model="tiny"}']) > 0
    assert float(found['sfumato_http_requests_total{method="POST",route="/v1/jobs",status="201"}']) >= 1
    assert job["id"] not in text, "what clients name makes no label"
    assert 'route="/v1/jobs/{id}/events"' in text


def test_every_route_of_ours_is_documented_with_an_example_or_a_model(app):
    schema = app.openapi()
    for path, methods in schema["paths"].items():
        if not path.startswith("/v1/") or path.startswith("/v1/images"):
            continue
        for method, operation in methods.items():
            answer = next(value for status, value in operation["responses"].items() if status[0] == "2")
            content = next(iter(answer.get("content", {"": {}}).values()))
            told = "example" in content or "$ref" in json.dumps(content.get("schema", {}))
            assert told or "json" not in json.dumps([*answer.get("content", {})]), f"{method} {path}"
            assert operation.get("description") or operation.get("summary"), f"{method} {path}"
