"""What not every processor does: accounts, kept cards, nonces, notifications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.domain.outcomes import Account, Approved, Declined, Transaction
from gateway.processors.conformance.bench import Bench, SignedMessage, require
from gateway.processors.protocol import (
    CredentialsRefused,
    Finding,
    InvalidNotification,
    Notification,
    Processor,
)

__all__ = ["ServiceChecks"]

_CUSTOMER = "cust_4fGh5kLm6nPq7rSt"


class ServiceChecks(Bench):
    """`check`, `forget`, `parse_notification`, `clarify`, and charges without a card."""

    async def test_right_credentials_are_taken(self) -> None:
        """Asking moves nothing and raises nothing."""
        await self.processor.check(self.account())

    async def test_wrong_credentials_are_refused(self) -> None:
        """Whoever enters them is told so, before the first payment."""
        names = [credential.name for credential in self.processor.traits.credentials]
        self.skip_unless(bool(names), "traits.credentials is empty")
        wrong = dict.fromkeys(names, "Wrong0000")
        try:
            await self.processor.check(wrong)
        except CredentialsRefused as refused:
            require("Wrong0000" not in str(refused), "CredentialsRefused quotes a credential")
            return
        except Exception as error:
            raise AssertionError(
                f"check() of wrong credentials raised {type(error).__name__}, which means that it "
                "could not be asked; raise CredentialsRefused"
            ) from error
        raise AssertionError("check() takes wrong credentials; raise CredentialsRefused")

    async def test_a_card_is_kept_and_charged_again(self) -> None:
        """`store_for` gives `Approved.stored`, which pays without the card."""
        self._skip_unless_stores()
        payment, approved, stored = await self._kept()
        found = await self.look_up(payment, approved.reference)
        require(
            isinstance(found, Approved) and found.stored == stored,
            f"lookup() of a payment that kept its card is to say stored, too; it says {found!r}",
        )
        await self.approve(self._by_stored(stored), "a charge of a kept card")

    async def test_a_forgotten_card_pays_no_more(self) -> None:
        """Forgetting twice is harmless, and leaves what else is kept of the same card alone."""
        self._skip_unless_stores()
        _, _, first = await self._kept()
        _, _, second = await self._kept()
        require(
            first != second,
            "the same card kept twice has one Approved.stored: who forgets one loses the other",
        )
        for _ in range(2):
            await self.processor.forget(first, self.account())
        self.expect(
            await self.send(self._by_stored(first)), Declined, "a charge of a forgotten card"
        )
        await self.approve(self._by_stored(second), "a charge of a card that is still kept")

    async def test_a_card_that_nobody_kept_is_declined(self) -> None:
        """Its name is unknown; no other card pays for it."""
        self._skip_unless_stores()
        outcome = await self.send(self._by_stored("never-heard-of"))
        self.expect(outcome, Declined, "a charge of a card that nobody kept")

    async def test_a_nonce_pays_in_place_of_a_card(self) -> None:
        """As often as it is new."""
        self.skip_unless(self.processor.traits.accepts_nonces, "traits.accepts_nonces is False")
        payment = replace(await self.with_nonce(), kind=self.payment_kind())
        require(
            payment.nonce is not None and payment.card is None,
            "with_nonce() is to give a transaction with a nonce and without a card",
        )
        await self.approve(payment, "a charge of a nonce, which traits.accepts_nonces promises")

    async def test_a_true_notification_is_read(self) -> None:
        """It names itself, the same way each time, and the transaction by the processor's name."""
        _, approved, message = await self._notified()
        first, second = (self._parse(message.headers, message.body) for _ in range(2))
        require(bool(first), "parse_notification() reads nothing in what notify() gives")
        require(all(each.id for each in first), "a notification without id is handled twice")
        require(first == second, f"the same message is read differently: {first} and {second}")
        require(
            any(each.reference == approved.reference for each in first),
            f"no notification is about {approved.reference!r}: {first}",
        )

    async def test_a_forged_notification_is_refused(self) -> None:
        """Without its signature, with another one, and with a body that was not signed."""
        _, _, message = await self._notified()
        name = message.signature_header
        require(name in message.headers, f"notify() gives no header {name!r}")
        unsigned = {key: value for key, value in message.headers.items() if key != name}
        other = {**message.headers, name: _changed(message.headers[name])}
        forged: dict[str, tuple[Mapping[str, str], bytes]] = {
            "without its signature": (unsigned, message.body),
            "with another signature": (other, message.body),
            "with a body that was not signed": (message.headers, message.body + b" "),
        }
        for how, (headers, body) in forged.items():
            try:
                self._parse(headers, body)
            except InvalidNotification:
                continue
            except Exception as error:
                raise AssertionError(
                    f"a message {how} raised {type(error).__name__}, not InvalidNotification"
                ) from error
            raise AssertionError(f"a message {how} is taken for the processor's own")

    async def test_a_notification_is_clarified(self) -> None:
        """The processor is asked, and says which attempt of ours it is about, and its outcome."""
        payment, approved, message = await self._notified()
        notifications = self._parse(message.headers, message.body)
        about = next(each for each in notifications if each.reference == approved.reference)
        found = await self.processor.clarify(about, self.account())
        finding = self.expect(found, Finding, "clarify() of a notification about a payment")
        require(
            finding.attempt == payment.reference and finding.reference == approved.reference,
            f"clarify() is to name our reference {payment.reference!r} and the processor's "
            f"{approved.reference!r}: {finding!r}",
        )
        self.expect(finding.outcome, Approved, "clarify() of an approved payment")

    async def test_a_notification_about_nothing_is_no_finding(self) -> None:
        """What the processor does not know is None, and no error that comes again for ever."""
        self._skip_unless_notifies()
        nothing = Notification(id="none", kind="none", reference="999999999999")
        found = await self.processor.clarify(nothing, self.account())
        require(found is None, f"clarify() of a transaction that is not there says {found!r}")

    def _skip_unless_stores(self) -> None:
        stores = self.processor.traits.stores_instruments
        self.skip_unless(stores, "traits.stores_instruments is False")

    def _skip_unless_notifies(self) -> None:
        notifies = type(self.processor).parse_notification is not Processor.parse_notification
        self.skip_unless(notifies, "parse_notification() is not there")

    async def _kept(self) -> tuple[Transaction, Approved, str]:
        payment = replace(self.approved(), kind=self.payment_kind(), store_for=_CUSTOMER)
        approved = await self.approve(payment, "a charge whose card is to be kept")
        if approved.stored is None:
            raise AssertionError(
                "Approved.stored is None after a charge with store_for, and "
                "traits.stores_instruments is True"
            )
        return payment, approved, approved.stored

    def _by_stored(self, stored: str) -> Transaction:
        payment = replace(self.approved(), kind=self.payment_kind())
        return replace(payment, card=None, stored=stored)

    async def _notified(self) -> tuple[Transaction, Approved, SignedMessage]:
        self._skip_unless_notifies()
        payment = replace(self.approved(), kind=self.payment_kind())
        approved = await self.approve(payment, "a payment that a notification is about")
        return payment, approved, await self.notify(payment, approved)

    def _parse(self, headers: Mapping[str, str], body: bytes) -> list[Notification]:
        account: Account | None = self.account()
        return list(self.processor.parse_notification(headers, body, account))


def _changed(signature: str) -> str:
    """Another signature of the same form."""
    last = "0" if signature[-1:] != "0" else "1"
    return signature[:-1] + last
