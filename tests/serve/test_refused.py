import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from sfumato.serve.refused import Refused, without_folders
from sfumato.serve.routes.foreign import invalid
from sfumato.serve.wish import Wish


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/home/anna/models/ink.safetensors: has no card", "ink.safetensors: has no card"),
        ("no model 'ink' in '/srv/my models'", "no model 'ink' in 'my models'"),
        ("[Errno 28] No space: '/var/lib/gallery/x.png'", "[Errno 28] No space: 'x.png'"),
        ("upload it to /v1/uploads/ or /sdapi/v1/img2img", "upload it to /v1/uploads/ or /sdapi/v1/img2img"),
        ("/openapi.json lists what there is", "/openapi.json lists what there is"),
        ("see https://example.org/a/b/c and 3/4/5", "see https://example.org/a/b/c and 3/4/5"),
    ],
)  # fmt: skip
def test_an_error_tells_files_and_not_where_they_lie(line, told):
    assert without_folders(line) == told
    assert str(Refused(422, line)) == told


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"seeds": 3}, "seeds: there is no such field; /openapi.json lists those that there are"),
        ({"steps": 0}, "steps: Input should be greater than or equal to 1, not 0"),
        ({"masking": "x"}, "masking: Input should be 'soft', 'hard' or 'differential'"),
    ],
)
def test_a_wrong_field_is_told_with_its_value_or_the_way_out(wrong, told):
    with pytest.raises(ValidationError) as found:
        Wish.model_validate({"prompt": "a cat", **wrong})
    refused = invalid(RequestValidationError(found.value.errors()))
    assert (refused.status, refused.message, refused.param) == (422, told, *wrong)
