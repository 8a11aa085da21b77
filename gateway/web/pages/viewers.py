"""Who looks at a page: the language they read, and the locale their amounts and dates follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web
from babel import Locale

from gateway.web.pages.catalogue import LANGUAGES

__all__ = ["LOCALES", "Viewer", "viewer_of"]

# Babel keeps what it has read of a locale for ever, so strangers may choose among these only.
_NAMES = (
    "ar bn bn_IN cs da de de_AT de_CH en en_AE en_AU en_CA en_GB en_IE en_IN en_NZ en_SG en_US "
    "en_ZA es es_MX fi fr fr_CA fr_CH gu hi hi_IN id it ja kn ko ml mr ms nb nl pa pl pt pt_PT "
    "ru sv ta te th tr uk ur vi zh zh_Hant"
)
LOCALES = frozenset(_NAMES.split())
_HEADER_CHARACTERS_MAX = 256
_PREFERENCES_MAX = 16


@dataclass(frozen=True, slots=True)
class Viewer:
    """`language` is one of `LANGUAGES`; `locale` may be of another language."""

    language: str
    locale: Locale


def viewer_of(request: web.Request, language: str | None = None) -> Viewer:
    """What `?lang=` asks for, else what the browser prefers, else English.

    Pages that speak one `language` only are read by everybody in that.
    """
    accepted = request.headers.get("Accept-Language", "")[:_HEADER_CHARACTERS_MAX]
    return _viewer(language or request.query.get("lang", ""), accepted)


@lru_cache(maxsize=1024)
def _viewer(chosen: str, accepted: str) -> Viewer:
    preferred = [tag.replace("-", "_") for tag in _tags(accepted)]
    if chosen in LANGUAGES:
        # Somebody in India who asks for English still writes amounts as in India.
        preferred = [tag for tag in preferred if tag.partition("_")[0] == chosen]
        preferred.append(chosen)
    language = next((tag[:2] for tag in preferred if tag.partition("_")[0] in LANGUAGES), "en")
    locale = next(filter(None, map(_known, preferred)), "en")
    return Viewer(language=language, locale=Locale.parse(locale))


def _tags(accepted: str) -> Iterable[str]:
    """The language tags of `Accept-Language`, the preferred one first (RFC 9110, 12.5.4)."""
    weighted: list[tuple[float, str]] = []
    for part in accepted.split(",")[:_PREFERENCES_MAX]:
        tag, _, parameter = part.partition(";")
        weight = _weight(parameter)
        if tag.strip() and weight > 0:
            weighted.append((weight, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda each: -each[0])]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _known(tag: str) -> str | None:
    language, _, rest = tag.partition("_")
    territory = rest.rpartition("_")[2]
    for candidate in (f"{language.lower()}_{territory.upper()}", language.lower()):
        if candidate in LOCALES:
            return candidate
    return None
