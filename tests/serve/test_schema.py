"""Schemathesis makes requests of the OpenAPI, sound ones and broken ones: none is answered with 5xx."""

from dataclasses import replace

import pytest
import schemathesis
import schemathesis.wfc.escalation  # else imported, and rewritten by pytest, deep in a stack
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sfumato.engine.precision import ModelFile
from sfumato.serve.app import app_of
from sfumato.serve.guarding.guard import Guard
from sfumato.serve.settings import Limits, Settings
from sfumato.serve.store import Folder, open_store
from sfumato.serve.studio import Studio

CHECKS = [
    not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance,
]  # fmt: skip
EXAMPLES = 6  # of each kind, of each operation


@pytest.fixture(scope="module")
def app(tmp_path_factory, tiny_world):
    """The whole server, drawing with a tiny model that knows its words."""
    folder = Folder(tmp_path_factory.mktemp("gallery"))
    weights = folder.path / "tiny.safetensors"
    replace(tiny_world, card={**tiny_world.card, "sprites": ["cat", "car", "castle"]}).save(weights)
    models = (ModelFile(name="world", path=weights),)
    limits = Limits(queued_per_client=3, queued=3, requests_per_minute=10**9)
    told = Settings(gallery=folder.path, models=models, budget=1 << 30, limits=limits, hosts=("testserver",))
    studio = Studio(told, open_store(folder.database), folder).start()
    yield app_of(studio, Guard(told).around)
    studio.stop()


@pytest.fixture(scope="module")
def schema(app):
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def operations(schema):
    return [found.ok() for found in schema.get_all_operations()]


def test_the_schema_tells_of_all_routes(schema):
    labels = {operation.label for operation in operations(schema)}
    assert {"POST /v1/jobs", "POST /v1/uploads", "POST /v1/session", "GET /v1/health"} <= labels


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_nothing_that_is_sent_breaks_a_route(schema, mode):
    broken = []
    for operation in operations(schema):
        try:
            _try(operation, mode)
        except Unsatisfiable:  # it takes nothing that could be wrong
            continue
        except (Failure, FailureGroup) as error:
            broken += [f"{operation.label}: {each}" for each in getattr(error, "exceptions", (error,))]
    assert not broken, "\n\n".join(broken)


def _try(operation, mode):
    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case):
        if operation.label == "POST /v1/jobs" and isinstance(case.body, dict):
            case.body |= {"deadline": 1.0}  # what is accepted is drawn; it need not be finished
        case.call_and_validate(checks=CHECKS)

    attempt()
