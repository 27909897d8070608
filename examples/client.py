"""Draw through a server, with Python's own library alone: python examples/client.py [ADDRESS].

Start one first, in another terminal: sfumato serve
"""

import json
import sys
from http.client import HTTPResponse
from pathlib import Path
from urllib.request import Request, urlopen

server = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"


def ask(path: str, wish: dict[str, object] | None = None) -> HTTPResponse:
    body = None if wish is None else json.dumps(wish).encode()
    asked = Request(server + path, body, {"Content-Type": "application/json"})  # noqa: S310 - your own address
    return urlopen(asked)  # noqa: S310


wish = {"prompt": "a red cat to the left of a blue car", "seed": 7, "steps": 12, "exact": True}
job = json.load(ask("/v1/jobs", wish))

# Events come as they happen: a place in the line, each step with a preview, and the end.
with ask(f"/v1/jobs/{job['id']}/events") as events:
    kind = ""
    for line in events:
        name, _, value = line.decode().strip().partition(": ")
        if name == "event":
            kind = value
        elif name == "data" and kind == "step":
            step = json.loads(value)
            print(f"step {step['index']} of {step['total']}")

job = json.load(ask(f"/v1/jobs/{job['id']}"))
print(job["state"], job["error"] or "", *job["notes"])
for number, picture in enumerate(job["pictures"], start=1):
    Path(f"client-{number}.png").write_bytes(ask(f"/v1/pictures/{picture}/image").read())
    print(f"client-{number}.png")
