"""Customer profiles and the cards they keep (Customer Information Manager)."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.sandbox.authorizenet.cards import Card
from gateway.sandbox.authorizenet.refusals import Refused, not_found
from gateway.sandbox.authorizenet.wire import Members

__all__ = ["CustomerProfile", "PaymentProfile", "Profiles"]


@dataclass(slots=True, kw_only=True)
class PaymentProfile:
    """A card that is kept, with its address."""

    id: str
    card: Card
    bill_to: Members
    customer_type: str = ""
    is_default: bool = False


@dataclass(slots=True, kw_only=True)
class CustomerProfile:
    """A customer, by what the merchant calls them."""

    id: str
    merchant_customer_id: str = ""
    description: str = ""
    email: str = ""
    payment_profiles: dict[str, PaymentProfile] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, str, str]:
        """What no two profiles may share."""
        return self.merchant_customer_id, self.description, self.email

    def payment_profile(self, profile_id: str) -> PaymentProfile:
        """The payment profile of that id. Raises Refused E00040."""
        found = self.payment_profiles.get(profile_id)
        if found is None:
            raise not_found()
        return found

    def same_card(self, card: Card, bill_to: Members) -> PaymentProfile | None:
        """A payment profile of this card at this address."""
        return next(
            (
                each
                for each in self.payment_profiles.values()
                if each.card == card and each.bill_to == bill_to
            ),
            None,
        )


class Profiles:
    """The customer profiles of one account."""

    def __init__(self, profiles_max: int, payment_profiles_max: int) -> None:
        self._profiles_max = profiles_max
        self._payment_profiles_max = payment_profiles_max
        self._by_id: dict[str, CustomerProfile] = {}

    def get(self, profile_id: str) -> CustomerProfile:
        """The profile of that id. Raises Refused E00040."""
        found = self._by_id.get(profile_id)
        if found is None:
            raise not_found()
        return found

    def find(self, merchant_customer_id: str, email: str) -> CustomerProfile:
        """The first profile with these; an empty one matches any. Raises Refused E00040."""
        for profile in self._by_id.values():
            if merchant_customer_id in ("", profile.merchant_customer_id) and email in (
                "",
                profile.email,
            ):
                return profile
        raise not_found()

    def add(self, profile: CustomerProfile) -> None:
        """Keep a new profile.

        Raises Refused: E00041 when nothing tells it from others, E00039 when there is an equal one,
        E00001 when there are too many.
        """
        if not any(profile.identity):
            raise Refused("E00041", "One or more fields must contain a value.")
        for other in self._by_id.values():
            if other.identity == profile.identity:
                raise Refused("E00039", _duplicate(other.id))
        if len(self._by_id) >= self._profiles_max:
            raise Refused("E00001", f"This sandbox holds {self._profiles_max} profiles at most.")
        self._by_id[profile.id] = profile

    def add_card(self, profile: CustomerProfile, kept: PaymentProfile) -> None:
        """Keep a card. Raises Refused: E00039 with an equal one's id, E00042 past the limit."""
        equal = profile.same_card(kept.card, kept.bill_to)
        if equal is not None:
            raise Refused(
                "E00039",
                _duplicate(equal.id),
                customerProfileId=profile.id,
                customerPaymentProfileId=equal.id,
            )
        if len(profile.payment_profiles) >= self._payment_profiles_max:
            raise Refused(
                "E00042", f"You cannot add more than {self._payment_profiles_max} payment profiles."
            )
        profile.payment_profiles[kept.id] = kept

    def paying(self, profile_id: str, payment_profile_id: str) -> tuple[Card, Members]:
        """The card that is charged, and its address; the default one where no id is given.

        Raises Refused E00040.
        """
        profile = self.get(profile_id)
        if not payment_profile_id:
            defaults = [each for each in profile.payment_profiles.values() if each.is_default]
            if not defaults:
                raise not_found()
            payment_profile_id = defaults[0].id
        kept = profile.payment_profile(payment_profile_id)
        return kept.card, kept.bill_to

    def delete(self, profile_id: str) -> CustomerProfile:
        """Forget a customer and the cards. Raises Refused E00040."""
        profile = self.get(profile_id)
        del self._by_id[profile_id]
        return profile


def _duplicate(profile_id: str) -> str:
    return f"A duplicate record with ID {profile_id} already exists."
