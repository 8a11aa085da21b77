"""Cards that Authorize.Net keeps: a customer profile for each, so that each is forgotten alone."""

from __future__ import annotations

import re

from gateway.domain.outcomes import Transaction
from gateway.processors.authorizenet import requests
from gateway.processors.authorizenet.client import InvalidReply, Reply
from gateway.processors.authorizenet.codes import RequestFailed
from gateway.processors.authorizenet.replies import error_code, message_text, profile_names
from gateway.processors.authorizenet.requests import StoredCard
from gateway.processors.authorizenet.session import Session

__all__ = ["delete", "keep"]

_DUPLICATE_RECORD = "E00039"
_NO_RECORD = "E00040"
_ID = re.compile(r"\bID (\d+)\b")


async def keep(session: Session, transaction: Transaction, transaction_id: str) -> str:
    """Keep the card of an approved transaction; what it is called from now on.

    Asking again finds what was kept before. Raises RequestFailed, InvalidReply and what
    `Session.post` raises.
    """
    reply = await session.post(
        "createCustomerProfileFromTransactionRequest",
        requests.profile_from_transaction(transaction, transaction_id),
    )
    code = error_code(reply)
    if code == _DUPLICATE_RECORD:
        reply = await session.ask("getCustomerProfileRequest", requests.profile(_known(reply)))
    elif code is not None:
        raise RequestFailed(code)
    return StoredCard.name(*profile_names(reply))


async def delete(session: Session, stored: str) -> None:
    """Delete what `keep` made; what is not there is deleted already. Raises RequestFailed."""
    try:
        await session.ask(
            "deleteCustomerProfileRequest", requests.delete_profile(StoredCard(stored))
        )
    except RequestFailed as failure:
        if failure.code != _NO_RECORD:
            raise


def _known(reply: Reply) -> str:
    """The profile that a refusal of a duplicate names, in its text only."""
    found = _ID.search(message_text(reply))
    if found is None:
        raise InvalidReply("a duplicate without an id")
    return found[1]
