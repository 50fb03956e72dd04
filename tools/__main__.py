"""`python -m spacetime_video.tools`: regenerates what the editor shows of the nodes."""

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
    """Make what ComfyUI's editor shows of the pack; run it after a node was changed."""


@app.command()
def contract(checkout: Checkout = HERE) -> None:
    """Write new nodes and inputs into the contract of saved graphs; refuse what would break it."""
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
            help="Where texts were translated again, as in zh/nodeDefs.json.SpacetimeSolver; may "
            "be repeated. Texts that were empty before need not be named.",
        ),
    ] = None,
) -> None:
    """Regenerate the English texts and bring the translations into their form; name the gaps."""
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
    """Run the example workflows on the shipped weights and picture what they make."""
    from .thumbnails import write_thumbnails

    for path in write_thumbnails(checkout / "example_workflows", device):
        typer.echo(path)


if __name__ == "__main__":
    app()
