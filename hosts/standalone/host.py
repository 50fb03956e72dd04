"""The pack's own host: sockets carry plain objects, and everything runs in this process."""

from pathlib import Path

from . import io, ui
from .devices import choose_device
from .files import StandaloneFiles
from .folders import Folders
from .models import StandaloneModels
from .runs import StandaloneSampling
from .session import Preview, Progress, StandaloneSession


class StandaloneHost:
    """Runs the nodes without ComfyUI.

    Args:
        models: folder that contains diffusion_models, text_encoders, vae and so on.
        device: auto, cpu, cuda or cuda:N.
        dtype: what "auto" means for the loaded models: auto, fp32, bf16 or fp16.
        progress: called after every step of a long node.
        preview: called with a preview after every sampling step; None draws no previews.
        folders: where nodes load and save, instead of in the run's folders.
    """

    name = "standalone"
    io = io
    ui = ui

    def __init__(
        self,
        *,
        models: Path = Path("models"),
        device: str = "auto",
        dtype: str = "auto",
        progress: Progress = lambda done, total: None,
        preview: Preview | None = None,
        folders: Folders | None = None,
    ) -> None:
        place = choose_device(device)
        self.files = StandaloneFiles(models, folders)
        self.session = StandaloneSession(progress, preview)
        self.models = StandaloneModels(place, dtype, self.session)
        self.sampling = StandaloneSampling(place, self.session, self.models.vaes)
