"""Where the standalone host finds weights and inputs, and saves results."""

import weakref
from pathlib import Path

from ...graph.schema import HiddenHolder
from ...media import Clip, FileClip, HeldClip, files_below, shown
from ...media.names import choose_among, same_name
from ..audio import to_sound
from .folders import Folders, folders
from .saving import graph_metadata
from .video import Video, VideoFromComponents, VideoFromFile


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
                f"no file {shown(name)!r} in {self.models / folder}: {choose_among(there, name)}"
            )
        return self.models / folder / found

    def input_folder(self) -> Path:
        """Where files are looked for."""
        return (self.folders or folders()).input

    def output_folder(self) -> Path:
        """Where results are saved."""
        return (self.folders or folders()).output

    def results_folder(self) -> Path:
        """Where results of before are found."""
        return (self.folders or folders()).found_results

    def temp_folder(self) -> Path:
        """Where previews are saved, too."""
        return (self.folders or folders()).temp

    def video_of(self, path: Path) -> VideoFromFile:
        """VIDEO of a file, which is removed when nothing refers to the VIDEO any more."""
        video = VideoFromFile(path)
        weakref.finalize(video, path.unlink, missing_ok=True)
        return video

    def clip_of(self, video: Video) -> Clip:
        """The file, or the frames and the sound in memory."""
        if isinstance(video, VideoFromFile):
            return FileClip(video.path)
        if isinstance(video, VideoFromComponents):
            return HeldClip(video.images, video.frame_rate, to_sound(video.audio))
        parts = video.get_components()
        return HeldClip(parts.images, parts.frame_rate, to_sound(parts.audio))

    def graph_metadata(self, hidden: HiddenHolder) -> dict[str, str]:
        """The prompt and what else travels with files."""
        return graph_metadata(hidden)
