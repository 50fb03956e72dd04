"""`python -m spacetime_video.tools`: regenerate what the editor shows of the nodes."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

Checkout = Annotated[
    Path, typer.Option("--checkout", help="Folder of the pack's source, with its tests.")
]
HERE = Path(__file__).resolve().parents[1]


@app.callback()
def root() -> None:
    """Generate what ComfyUI's editor shows of the pack; run it after changing a node."""


@app.command()
def contract(checkout: Checkout = HERE) -> None:
    """Add new nodes and inputs to the contract of saved graphs; reject changes that break it."""
    from .contract import breaches, contract_of, read_contract, write_contract
    from .nodes import pack_nodes

    path = checkout / "tests/nodes/contract.json"
    saved = read_contract(path) if path.exists() else {}
    found = contract_of(pack_nodes())
    broken = breaches(saved, found)
    if broken:
        typer.echo("\n".join(broken), err=True)
        raise typer.Exit(1)
    write_contract(path, found)
    typer.echo(path)


@app.command()
def locales(
    checkout: Checkout = HERE,
    translated: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLACE",
            help="Place whose texts were translated again, as in "
            "zh/nodeDefs.json.SpacetimeSolver; may be repeated. Not needed for texts that were "
            "empty before.",
        ),
    ] = None,
) -> None:
    """Regenerate the English texts, update the translations' structure and list what is missing."""
    from .locales import english, refresh
    from .nodes import pack_nodes

    try:
        gaps, old = refresh(checkout / "locales", english(pack_nodes()), translated or ())
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from problem
    for title, places in (("still to translate:", gaps), ("to translate again:", old)):
        if places:
            typer.echo("\n".join([title, *places]), err=True)
    if gaps or old:
        raise typer.Exit(1)


@app.command()
def artwork(checkout: Checkout = HERE) -> None:
    """Draw the icon and the banner of the pack."""
    from .artwork import write

    for path in write(checkout / "docs"):
        typer.echo(path)


@app.command()
def thumbnails(
    checkout: Checkout = HERE,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Run the example workflows on the shipped weights and save thumbnails of their results."""
    from .thumbnails import write_thumbnails

    for path in write_thumbnails(checkout / "example_workflows", device):
        typer.echo(path)


if __name__ == "__main__":
    app()
