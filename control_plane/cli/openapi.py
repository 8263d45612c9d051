"""`slipway openapi`: what the API takes and answers, for programs and their generators."""

import json
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Run")(openapi)


def openapi(
    out: Annotated[
        Path | None, typer.Option(help="Write it to a file.", show_default=False)
    ] = None,
) -> None:
    """Print the OpenAPI document of this version; nothing has to run."""
    from control_plane import web

    text = json.dumps(web.document(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
