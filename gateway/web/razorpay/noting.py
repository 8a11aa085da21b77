"""Notes of orders, payments and refunds: all that can be changed of them."""

from __future__ import annotations

from aiohttp import web

from gateway.actors.messages import ChangeNotes, Done
from gateway.web.calls import call_of
from gateway.web.fields import notes_text
from gateway.web.razorpay.bodies import wire_fields
from gateway.web.razorpay.fields import WireNotesBody

__all__ = ["change_notes"]


async def change_notes(request: web.Request, order_id: str, subject_id: str | None = None) -> Done:
    """Take the notes from the body; `subject_id` is a payment's or a refund's of the order."""
    call = call_of(request)
    fields = await wire_fields(request, WireNotesBody)
    message = ChangeNotes(
        notes=notes_text(fields.notes), request=call.command_request(), subject_id=subject_id
    )
    done: Done = await call.services.orders.ask(
        order_id, message, deadline_seconds=call.services.settings.ask_seconds
    )
    return done
