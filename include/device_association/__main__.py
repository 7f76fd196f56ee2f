"""The commands of who installs and runs the product: `python -m device_association migrate|adopt|health`.

The portal's database is the one that DEVICE_ASSOCIATION_PORTAL_URL names. Exit codes: 0 all is well, 1 something must be done
first or is not well, 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from device_association.database.execution import make_engine
from device_association.domain.errors import ConfigurationError
from device_association.installation import adopt as adoption
from device_association.installation import migrate as migration
from device_association.installation.report import Asked
from device_association.monitoring.health import report

URL_VARIABLE = "DEVICE_ASSOCIATION_PORTAL_URL"
REPLACE = "replace the portal's own procedures of our names by ours"
app = typer.Typer(
    help=__doc__, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.command()
def migrate(replace_procedures: Annotated[bool, typer.Option("--replace-procedures", help=REPLACE)] = False) -> None:
    """Upgrade the database."""
    url = _portal_url()
    try:
        migration.upgrade(url)
        if replace_procedures:
            migration.reinstall_procedures(make_engine(url))
    except ConfigurationError as error:
        sys.exit(str(error))


@app.command()
def adopt(
    apply: Annotated[bool, typer.Option("--apply", help="add our schema, its tables, and missing procedures")] = False,
    add_error_code: Annotated[
        bool, typer.Option("--add-error-code", help="also add the nullable M2M_DeviceChange.ErrorCode")
    ] = False,
    replace_procedures: Annotated[bool, typer.Option("--replace-procedures", help=REPLACE)] = False,
) -> None:
    """Say what differs between a portal's database and what we need. Changes nothing without --apply."""
    raise typer.Exit(adoption.say_and_apply(_portal_url(), Asked(add_error_code, replace_procedures), applies=apply))


@app.command()
def health() -> None:
    """Say in ten lines whether all is well."""
    code, lines = report(_portal_url())
    print("\n".join(lines))
    raise typer.Exit(code)


def _portal_url() -> str:
    """Return the URL of the portal's database; without one, end the program as wrongly used."""
    url = os.environ.get(URL_VARIABLE)
    if not url:
        raise typer.BadParameter(f"{URL_VARIABLE} is not set; set it to the portal database's SQLAlchemy URL")
    return url


if __name__ == "__main__":
    app(prog_name="python -m device_association")
