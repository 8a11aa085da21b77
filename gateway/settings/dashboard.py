"""Sessions, people, mail, passwords, lists and sums."""

from __future__ import annotations

from pydantic import NonNegativeInt, PositiveInt, SecretStr, field_validator

from gateway.settings.kinds import Seconds, SettingsSection

__all__ = ["DashboardSettings"]

_MAIL_SCHEMES = ("smtp://", "smtps://")


class DashboardSettings(SettingsSection):
    """Sessions, people, mail, passwords, lists and sums."""

    session_idle_seconds: PositiveInt = 2 * 3_600
    """After how long without a request a session of the dashboard ends."""
    session_lifetime_seconds: PositiveInt = 12 * 3_600
    """After how long a session ends in any case."""
    session_confirmed_seconds: PositiveInt = 300
    """How long after the password was entered secrets are shown without asking for it again."""
    sessions_per_user_max: PositiveInt = 20
    """Sessions of one user; a further one ends the oldest."""
    sign_in_window_seconds: PositiveInt = 900
    """The period in which attempts to sign in are counted."""
    sign_in_attempts_max: PositiveInt = 10
    """Failed attempts for one e-mail address within the period."""
    sign_in_address_attempts_max: PositiveInt = 50
    """Failed attempts from one client address within the period."""
    api_keys_max: PositiveInt = 50
    """API keys of one merchant and mode that hold at once. A rotated key that is about to end comes
    on top."""
    api_key_overlap_seconds: NonNegativeInt = 86_400
    """How long a rotated API key holds, unless the request says otherwise."""
    invitation_seconds: PositiveInt = 7 * 86_400
    """How long an invitation to a team holds."""
    team_members_max: PositiveInt = 200
    """People of one merchant, invited ones included."""
    smtp_url: SecretStr | None = None
    """`smtp://user:password@host:587` or `smtps://…`: where mail is handed over. Without it
    invitations are links that whoever invites passes on."""
    smtp_from: str = "gateway@localhost"
    """The sender of mails."""
    smtp_timeout_seconds: Seconds = 10
    """For a mail server's answer."""
    smtp_waiting_max: PositiveInt = 20
    """Mails that wait for being sent."""
    password_characters_min: PositiveInt = 12
    """The shortest password that a user may choose."""
    password_threads: PositiveInt = 2
    """Passwords that are hashed at once, each with 64 MiB of memory."""
    password_waiting_max: PositiveInt = 32
    """Passwords that wait for being hashed; beyond that the answer is 503."""
    dashboard_page_rows: PositiveInt = 25
    """Rows on a page of a list."""
    dashboard_scan_max: PositiveInt = 50_000
    """Rows that a filtered list looks through before it offers to look further."""
    dashboard_total_max: PositiveInt = 10_000
    """Up to how many rows a list counts them all."""
    dashboard_query_seconds: Seconds = 3
    """For one of the dashboard's questions to the database."""
    dashboard_connections_max: PositiveInt = 4
    """Connections to Postgres that the dashboard asks its questions with, beside all others."""
    dashboard_wait_seconds: Seconds = 8
    """How long a page waits for a capture or a void before it says that it is under way."""
    dashboard_range_days_max: PositiveInt = 366
    """The longest time that the overview adds up."""
    dashboard_export_rows_max: PositiveInt = 100_000
    """Rows of one export."""
    dashboard_exports_max: PositiveInt = 4
    """Exports under way at once."""
    dashboard_export_seconds_max: Seconds = 300
    """The longest an export may take, however slowly it is read."""
    summary_seconds: Seconds = 20
    """How often the sums of the overview are brought up to date."""
    summary_lag_seconds: Seconds = 60
    """How long what has happened may take to become visible to the sums."""

    @field_validator("smtp_url")
    @classmethod
    def _names_a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(_MAIL_SCHEMES):
            raise ValueError(f"is to begin with {' or '.join(_MAIL_SCHEMES)}")
        return value
