"""`/openapi.json`, made of the routes and the models, and `/docs`, a page made of it.

`answers` says what calls answer, `document` walks over the routes, `parameters` and `problems` have
what calls share, `page` renders the document for people.
"""

from __future__ import annotations

from gateway.web.openapi.document import document_of
from gateway.web.openapi.serving import openapi_routes

__all__ = ["document_of", "openapi_routes"]
