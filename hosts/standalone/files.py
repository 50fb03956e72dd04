"""Where the standalone host finds weights and inputs, and saves results."""

from pathlib import Path

from ...graph.schema import HiddenHolder
from ...media import files_below, shown
from ...media.names import choose_among, same_name
from .folders import Folders, folders
from .saving import graph_metadata


class StandaloneFiles:
    """Weights below one folder; the other folders are the run's.

    Args:
        models: folder with diffusion_models, text_encoders, vae and so on in it.
        folders: of what nodes load and save, instead of those of the run.
    """

    def __init__(self, models: Path, folders: Folders | None) -> None:
        self.models, self.folders = models, folders

    def model_files(self, folder: str) -> list[str]:
        """Names of the safetensors files under a model folder."""
        root = self.models / folder
        return sorted(str(p.relative_to(root)) for p in files_below(root, ".safetensors"))

    def model_folders(self, folder: str) -> list[Path]:
        """The one below the folder of models."""
        return [self.models.absolute() / folder]

    def model_path(self, folder: str, name: str) -> Path:
        """Place of a weight file."""
        there = self.model_files(folder)
        found = same_name(name, there)
        if found is None:
            raise FileNotFoundError(
                f"no file {shown(name)!r} in {self.models / folder}: {choose_among(there)}"
            )
        return self.models / folder / found

    def input_folder(self) -> Path:
        """Where files are looked for."""
        return (self.folders or folders()).input

    def output_folder(self) -> Path:
        """Where results are saved."""
        return (self.folders or folders()).output

    def graph_metadata(self, hidden: HiddenHolder) -> dict[str, str]:
        """The prompt and what else travels with files."""
        return graph_metadata(hidden)
