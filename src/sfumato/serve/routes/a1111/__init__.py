"""AUTOMATIC1111's ``/sdapi/v1`` over our own jobs, and what its ControlNet extension answers.

``fields.py`` is the table of what is understood, ``asked.py`` reads what clients send, ``wishes.py`` makes
wishes of it with the help of ``sampling.py``, ``painting.py``, ``enlarging.py`` and ``units.py``;
``drawing.py`` waits for the pictures. The other files answer the lists, options, progress and extras.
"""

from fastapi import APIRouter

from sfumato.serve.routes.a1111 import controlnet, extras, generating, lists, options, watching

ROUTERS: tuple[APIRouter, ...] = (
    generating.router,
    watching.router,
    watching.internal,
    options.router,
    lists.router,
    extras.router,
    controlnet.router,
    controlnet.strange,
)
