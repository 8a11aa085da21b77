"""What pages say, in the languages they speak: English in the templates, others in `locales/*.po`.

Texts are plain text with named places, `Pay %(amount)s`; they become HTML where they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from markupsafe import Markup, escape

__all__ = ["LANGUAGES", "Catalogue", "load_catalogues", "message"]

LANGUAGES: Mapping[str, str] = {"en": "English", "hi": "हिन्दी"}
"""The languages of the pages, each by its own name; the first one is the source's."""


class Catalogue:
    """The texts of one language."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts
        self._markups: dict[str, Markup] = {}  # as many as there are texts in code and templates

    def text(self, source: str, **values: Any) -> str:
        """The text in this language, in English where it was not translated."""
        found = self._texts.get(source, source)
        return found % values if values else found

    def markup(self, source: str) -> Markup:
        """The same as HTML; values that are put into it are escaped."""
        found = self._markups.get(source)
        if found is None:
            found = self._markups[source] = escape(self.text(source))
        return found

    @property
    def sources(self) -> frozenset[str]:
        """The English texts of all translations."""
        return frozenset(self._texts)

    def knows(self, source: str) -> bool:
        """Whether the text was translated."""
        return source in self._texts


def load_catalogues(directory: Path) -> Mapping[str, Catalogue]:
    """The catalogue of each language in `LANGUAGES`. Raises OSError, PoFileError."""
    source, *others = LANGUAGES
    catalogues = {source: Catalogue(source, {})}
    for language in others:
        catalogues[language] = Catalogue(language, _texts(directory / f"{language}.po", language))
    return catalogues


def message(source: str) -> str:
    """The text itself: marks it, where it does not stand in a template, for the catalogues."""
    return source


def _texts(path: Path, language: str) -> Mapping[str, str]:
    with path.open("rb") as file:
        found = read_po(file, locale=language, abort_invalid=True)
    return {
        str(each.id): str(each.string)
        for each in found
        if each.id and each.string and not each.fuzzy
    }
