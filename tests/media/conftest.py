"""A video of thirty frames that differ from each other."""

import pytest

from spacetime_video.media import write_video

from .videos import ramp


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, [ramp(frames=30)], fps=10, metadata={"prompt": '{"1": {}}'})
    return path
