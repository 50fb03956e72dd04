"""Pictures and videos are looked at before the run."""

import pytest
import torch

from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.stock_image import LoadImage
from spacetime_video.hosts.standalone.stock_video import LoadVideo
from spacetime_video.hosts.standalone.video import _gathered
from spacetime_video.media import save_image


@pytest.mark.parametrize(
    ("load", "name", "kind"), [(LoadImage, "a.png", "image"), (LoadVideo, "a.mp4", "video")]
)
def test_files_that_cannot_be_read_are_refused_before_the_run(tmp_path, load, name, kind):
    (tmp_path / name).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n{} loop\n")
    save_image(tmp_path / "good.png", torch.zeros(8, 8, 3))
    with use_folders(Folders.of(input=tmp_path)):
        assert "cannot be read as a" in load.validate_inputs(name)
        assert kind in load.validate_inputs(name)
        assert LoadImage.validate_inputs("good.png") is True


def test_chunks_become_one_tensor():
    chunks = list(torch.rand(10, 4, 4, 3).split(3))
    assert torch.equal(_gathered(iter(chunks)), torch.cat(chunks))
