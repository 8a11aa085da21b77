"""What a new password has to be: long, and no more (NIST SP 800-63B, 3.1.1.2)."""

from __future__ import annotations

from typing import Any

from gateway.web.forms import Form

__all__ = ["password_fault"]

_CHARACTERS_MAX = 1024
_DIFFERENT_MIN = 5  # no rules of composition, but one key held down is no password


def password_fault(settings: Any, form: Form, email: str) -> str | None:
    """What is wrong with `new_password` and `repeated_password`; None when nothing is."""
    password = form.raw("new_password")
    minimum: int = settings.password_characters_min
    if len(password) < minimum:
        return f"The new password needs at least {minimum} characters."
    if len(password) > _CHARACTERS_MAX:
        return f"The new password may have at most {_CHARACTERS_MAX} characters."
    if len(set(password)) < _DIFFERENT_MIN or email.partition("@")[0] == password.lower():
        return "The new password is too easy to guess."
    if password.lower() == email:
        return "The new password is too easy to guess."
    if password != form.raw("repeated_password"):
        return "The two new passwords are not the same."
    return None
