"""What the client of a ComfyUI server refuses: URLs, headers, and files that cannot be moved."""

import pytest

from spacetime_video.headless.batch.comfyui_client import (
    ComfyUIClient,
    SavedOnServer,
    local_place,
    read_headers,
)

from .fake_comfyui import FakeComfyUI


@pytest.mark.parametrize(
    "line", ["Bearer s3cret", ": s3cret", "Name:", "Na me: s3cret", "A: s3\ncret"]
)
def test_headers_of_another_form_are_refused_without_repeating_them(line):
    with pytest.raises(ValueError, match="--server-header number 2") as refused:
        read_headers(["A: b", line])
    assert "s3" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8188",
        "ftp://x",
        "http://",
        "http://x:y",
        "http://x:0",
        "http://a:b@x",
        "http://x/?a=1",
    ],
)
def test_what_is_no_server_is_refused(url):
    with pytest.raises(ValueError, match="--server"):
        ComfyUIClient(url, {})


@pytest.mark.parametrize(
    "place", [("..", "a.mp4"), ("a/../..", "b"), ("", "a/b"), ("", ".."), ("", "..\\a")]
)
def test_files_stay_in_the_folder_of_their_job(tmp_path, place):
    with pytest.raises(ValueError, match="outside"):
        local_place(tmp_path, SavedOnServer(place[1], place[0], "output"))


def test_a_file_that_cannot_be_read_is_no_fault_of_the_server(tmp_path):
    clip = tmp_path / "mine.mp4"
    clip.mkdir()  # opens as no file does
    server = FakeComfyUI()
    try:
        with pytest.raises(ValueError, match=r"mine\.mp4 cannot be read"):
            ComfyUIClient(server.url, {}).upload(clip, "mine.mp4")
    finally:
        server.die()
