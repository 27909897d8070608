"""OpenAI's images API over our own jobs: generations, edits, variations, and their streams.

``fields.py`` is the table of what is understood, ``wishes.py`` makes a ``Wish`` of a request, ``replies.py``
has the shapes that clients validate, ``drawing.py`` waits for the pictures, ``routes.py`` is the door.
"""

from fastapi import APIRouter

from sfumato.serve.routes.openai import routes

ROUTERS: tuple[APIRouter, ...] = (routes.router,)
