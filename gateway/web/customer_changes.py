"""What is done to customers, for the merchant API, other wire formats and the dashboard alike.

Everything runs inside the caller's transaction.
"""

from __future__ import annotations

from typing import Any

from asyncpg import UniqueViolationError

from gateway.domain import canonical_json
from gateway.domain.customers import Customer, Token
from gateway.domain.errors import InvalidRequest, NotFound, Unavailable
from gateway.domain.ids import new_id
from gateway.domain.representation import token_object
from gateway.domain.work import Event
from gateway.storage import bills, customers, tokens
from gateway.storage.administration import write_audit
from gateway.storage.administration_deliveries import insert_event
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope
from gateway.web.fields import notes_text
from gateway.web.schemas import CustomerChanges, NewCustomerBody
from gateway.web.webhook_changes import Changed

__all__ = [
    "change_customer",
    "customer_of",
    "make_customer",
    "remove_customer",
    "remove_token",
    "token_of",
]

_TRIES_MAX = 3


async def customer_of(
    connection: Connection, scope: Scope, customer_id: str, *, field: str | None = None
) -> Customer:
    """The merchant's customer. Raises NotFound, which names `field` of the request."""
    customer = await customers.find_customer(connection, scope, customer_id)
    if customer is None:
        raise NotFound("Customer not found", field=field)
    return customer


async def make_customer(
    connection: Connection, changed: Changed, fields: NewCustomerBody
) -> tuple[Customer, bool]:
    """The customer, and whether it is new.

    E-mail and contact together name a person: a second customer with the same ones is refused with
    InvalidRequest, or with `fail_existing=false` the first one is answered (as Razorpay does:
    https://razorpay.com/docs/api/customers/create). Without either each is a new one.
    """
    customer = Customer(
        id=new_id("cust"),
        merchant_id=changed.scope.merchant_id,
        mode=changed.scope.mode,
        name=fields.name,
        email=fields.email,
        contact=fields.contact,
        notes=notes_text(fields.notes),
        created_at=changed.now,
        updated_at=changed.now,
    )
    for _ in range(_TRIES_MAX):
        if await customers.insert_customer(connection, customer):
            return customer, True
        existing = await customers.find_same_customer(
            connection, changed.scope, fields.email, fields.contact
        )
        # It may have been deleted in between.
        if existing is not None:
            if fields.fail_existing:
                raise _exists()
            return existing, False
    raise Unavailable("The customer is being changed elsewhere")


async def change_customer(
    connection: Connection, changed: Changed, customer_id: str, fields: CustomerChanges
) -> Customer:
    """The customer after the changes that `fields` names; null takes a field away.

    Raises NotFound, and InvalidRequest when another customer has this e-mail and contact.
    """
    changes: dict[str, Any] = {name: getattr(fields, name) for name in fields.model_fields_set}
    if not changes:
        raise InvalidRequest("There is nothing to change")
    if "notes" in changes:
        changes["notes"] = notes_text(changes["notes"])
    try:
        customer = await customers.update_customer(
            connection, changed.scope, customer_id, changes, changed.now
        )
    except UniqueViolationError:
        raise _exists() from None
    if customer is None:
        raise NotFound("Customer not found")
    return customer


async def remove_customer(connection: Connection, changed: Changed, customer_id: str) -> None:
    """Delete the person and the tokens; payments stay. Raises NotFound.

    Call `Services.forget` when it is committed: what processors keep, and who paid, goes then.
    """
    if not await customers.delete_customer(connection, changed.scope, customer_id, changed.now):
        raise NotFound("Customer not found")
    await tokens.begin_deletions_of(connection, changed.scope, customer_id, changed.now)
    await bills.forget_payer(connection, changed.scope, customer_id)
    await write_audit(connection, changed.author, "customer.deleted", customer_id, changed.now)


async def remove_token(
    connection: Connection, changed: Changed, customer_id: str, token_id: str
) -> list[str]:
    """Delete the token, and tell: the ids of the deliveries of `token.deleted`. Raises NotFound.

    When it is committed call `Services.forget`, and `deliver_now` with these ids.
    """
    token = await token_of(connection, changed.scope, customer_id, token_id)
    deleted = await tokens.begin_deletion(
        connection, changed.scope, customer_id, token_id, changed.now
    )
    if not deleted:
        raise NotFound("Token not found")
    await write_audit(connection, changed.author, "token.deleted", token_id, changed.now)
    content = {
        "event": "token.deleted",
        "timestamp": int(changed.now.timestamp()),
        "data": {"token": token_object(token)},
    }
    event = Event(
        id=new_id("evt"),
        merchant_id=token.merchant_id,
        mode=token.mode,
        type="token.deleted",
        body=canonical_json.dumps(content),
        request_id=changed.author.request_id,
        created_at=changed.now,
    )
    return await insert_event(connection, event)


async def token_of(connection: Connection, scope: Scope, customer_id: str, token_id: str) -> Token:
    """The customer's token. Raises NotFound."""
    token = await tokens.find_token(connection, scope, token_id)
    if token is None or token.customer_id != customer_id:
        raise NotFound("Token not found")
    return token


def _exists() -> InvalidRequest:
    return InvalidRequest(
        "A customer with this email and contact exists", field="email", reason="customer_exists"
    )
