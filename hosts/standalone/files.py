"""The standalone host's locations of weights, inputs and results."""

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
    """Weights below one folder; all other folders are the run's.

    Args:
        models: folder that contains diffusion_models, text_encoders, vae and so on.
        folders: where nodes load and save, instead of in the run's folders.
    """

    def __init__(self, models: Path, folders: Folders | None) -> None:
        self.models, self.folders = models, folders

    def model_files(self, folder: str) -> list[str]:
        """List the safetensors files below a model folder."""
        root = self.models / folder
        return sorted(str(p.relative_to(root)) for p in files_below(root, ".safetensors"))

    def model_folders(self, folder: str) -> list[Path]:
        """Return the one folder of this name below the models folder."""
        return [self.models.absolute() / folder]

    def model_path(self, folder: str, name: str) -> Path:
        """Return the path of a weight file."""
        there = self.model_files(folder)
        found = same_name(name, there)
        if found is None:
            raise FileNotFoundError(
                f"no file {shown(name)!r} in {self.models / folder}: {choose_among(there, name)}"
            )
        return self.models / folder / found

    def input_folder(self) -> Path:
        """Where nodes look for the files that they load."""
        return (self.folders or folders()).input

    def output_folder(self) -> Path:
        """Where results are saved."""
        return (self.folders or folders()).output

    def results_folder(self) -> Path:
        """Where earlier results are found."""
        return (self.folders or folders()).found_results

    def temp_folder(self) -> Path:
        """Where temporary files and previews are saved."""
        return (self.folders or folders()).temp

    def video_of(self, path: Path) -> VideoFromFile:
        """Wrap a file as a VIDEO; it is deleted when nothing refers to the VIDEO any more."""
        video = VideoFromFile(path)
        weakref.finalize(video, path.unlink, missing_ok=True)
        return video

    def clip_of(self, video: Video) -> Clip:
        """Open the file, or the frames and the sound in memory."""
        if isinstance(video, VideoFromFile):
            return FileClip(video.path)
        if isinstance(video, VideoFromComponents):
            return HeldClip(video.images, video.frame_rate, to_sound(video.audio))
        parts = video.get_components()
        return HeldClip(parts.images, parts.frame_rate, to_sound(parts.audio))

    def graph_metadata(self, hidden: HiddenHolder) -> dict[str, str]:
        """Return the prompt and the other tags for saved files."""
        return graph_metadata(hidden)
