"""Routes whose errors are in another protocol's form: each protocol hands in how it tells one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from sfumato.errors import InputError, SfumatoError
from sfumato.serve.refused import Refused

Teller = Callable[[Refused], Response]


def telling(tell: Teller) -> type[APIRoute]:
    """A kind of route that tells whatever goes wrong by ``tell``, but for defects."""

    class Telling(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def answered(request: Request) -> Response:
                try:
                    return await inner(request)
                except Refused as error:
                    return tell(error)
                except RequestValidationError as error:
                    return tell(invalid(error))
                except InputError as error:
                    return tell(Refused(422, str(error)))
                except SfumatoError as error:
                    return tell(Refused(503, str(error)))
                except HTTPException as error:
                    return tell(Refused(error.status_code, str(error.detail)))

            return answered

    return Telling


def invalid(error: RequestValidationError) -> Refused:
    """The first thing that is wrong with a request, by the name of its field."""
    faults = error.errors()
    first = faults[0]
    is_json = first["type"] != "json_invalid"
    place = [
        str(part) for part in first["loc"] if is_json and part not in ("body", "query", "path", "header")
    ]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    name = ".".join(place)
    status = 422 if is_json else 400
    told = f"{name}: {_said(first)}{more}" if name else f"{_said(first)}{more}"
    return Refused(status, told, param=place[0] if place else None)


def _said(fault: Mapping[str, Any]) -> str:
    """What pydantic found, with the value where that is a number, and the way out where it tells none."""
    if fault["type"] == "extra_forbidden":
        return "there is no such field; /openapi.json lists those that there are"
    value = fault.get("input")
    return f"{fault['msg']}, not {value}" if isinstance(value, int | float) else str(fault["msg"])
