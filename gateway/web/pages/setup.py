"""Gives an application its pages: everything is read, compiled and compressed at the start."""

from __future__ import annotations

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
    templates = resources.path("templates")
    application[ASSETS] = assets = Assets(templates / "assets")
    application[CATALOGUES] = load_catalogues(templates / "locales")
    aiohttp_jinja2.setup(application, default_helpers=False, **_options())
    environment = aiohttp_jinja2.get_env(application)
    _fill(environment, assets)
    for name in environment.list_templates(extensions=["html"]):
        environment.get_template(name)


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


def _fill(environment: jinja2.Environment, assets: Assets) -> None:
    environment.globals.update(_=_text, asset=assets.url, style=assets.style, script=_script)


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
