"""`resolve`: an operator ends what the processor never answered about."""

from __future__ import annotations

import click

__all__ = ["resolve"]


@click.command()
@click.argument("operation_id", required=False)
@click.argument("outcome", required=False, type=click.Choice(["approved", "failed"]))
@click.option("--reference", help="The processor's name for the transaction, if it was approved.")
@click.option("--reason", help="How you know; kept in the audit log.")
@click.option("--list", "list_", is_flag=True, help="List the operations of unknown outcome.")
def resolve(
    operation_id: str | None,
    outcome: str | None,
    reference: str | None,
    reason: str | None,
    list_: bool,
) -> None:
    """Say what became of an operation whose outcome is unknown.

    Look it up at the processor first: `approved` makes the money count as moved, `failed` as not
    moved. A running gateway may go on meanwhile.

    \b
        gateway resolve --list
        gateway resolve op_… approved --reference 6021… --reason "seen in its portal"
    """
    from gateway.cli.execution import run_async
    from gateway.cli.resolution import list_unknown, resolve_operation
    from gateway.web.resolution import Verdict

    if list_:
        for line in run_async(list_unknown()):
            click.echo(line)
        return
    if operation_id is None or outcome is None or not reason:
        raise click.UsageError("OPERATION_ID, an outcome and --reason are needed, or --list")
    if (outcome == "approved") != bool(reference):
        raise click.UsageError("--reference is needed with approved, and only there")
    verdict = Verdict(approved=outcome == "approved", reference=reference, reason=reason)
    click.echo(run_async(resolve_operation(operation_id, verdict)))
