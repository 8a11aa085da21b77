"""Gives an application its pages: everything is read, compiled and compressed at the start."""

from __future__ import annotations

from functools import cache
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from jinja2.runtime import Context
from markupsafe import Markup

from gateway import resources
from gateway.web.pages.assets import ASSETS, Assets
from gateway.web.pages.catalogue import load_catalogues
from gateway.web.pages.page import CATALOGUES

__all__ = ["add_pages", "make_environment"]


def add_pages(application: web.Application) -> None:
    """Make `page_response` work in this application.

    Raises jinja2.TemplateError for a template that does not compile.
    """
    application[ASSETS] = assets = _assets()
    application[CATALOGUES] = load_catalogues(resources.path("templates") / "locales")
    application[aiohttp_jinja2.APP_KEY] = _compiled(assets)


def make_environment() -> jinja2.Environment:
    """The templates' environment by itself, for tools that read templates."""
    return jinja2.Environment(**_options())  # noqa: S701 - the options turn autoescape on


def _options() -> dict[str, Any]:
    return {
        "loader": jinja2.FileSystemLoader(resources.path("templates")),
        "autoescape": True,
        "undefined": jinja2.StrictUndefined,
        "auto_reload": False,
        "cache_size": -1,  # all of them: there are as many as there are files
        "trim_blocks": True,
        "lstrip_blocks": True,
    }


@cache
def _assets() -> Assets:
    """The files are part of the program: all applications of a process share them."""
    return Assets(resources.path("templates") / "assets")


@cache
def _compiled(assets: Assets) -> jinja2.Environment:
    """All templates, which takes a third of a second: once in a process."""
    environment = make_environment()
    environment.globals.update(_=_text, asset=assets.url, style=assets.style, script=_script)
    for name in environment.list_templates(extensions=["html"]):
        environment.get_template(name)
    return environment


@jinja2.pass_context
def _text(context: Context, source: str, /, **values: Any) -> Markup:
    """`_("Pay %(amount)s", amount=…)` in templates."""
    found: Markup = context["page"].text(source, **values)
    return found


@jinja2.pass_context
def _script(context: Context, name: str) -> Markup:
    """`script("times.js")` in templates."""
    found: Markup = context["page"].script(name)
    return found
