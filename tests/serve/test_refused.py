import pytest

from sfumato.serve.refused import Refused, without_folders


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
