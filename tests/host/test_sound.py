"""Sound from a video file to the file of a longer clip, in a running ComfyUI."""

import pytest

from ..sounding import MADE, check_sound, longer, write_clip

MODELS = {
    "model": "spacetime_tiny_dit.safetensors",
    "text_encoder": "spacetime_tiny_text.safetensors",
    "vae": "spacetime_tiny_vae.safetensors",
    "dtype": "fp32",
}


@pytest.mark.parametrize(("task", "first"), [("Forward", 0), ("Backward", MADE)])
def test_the_sound_of_what_is_given_is_in_its_place(server, task, first):
    clip = server.base / "input" / "clip.mp4"
    write_clip(clip)
    graph = longer(MODELS, f"SpacetimeExtend{task}", images=["5", 0])
    (saved,) = server.run(graph)["outputs"]["14"]["images"]
    check_sound(server.base / "output" / saved["filename"], clip, first)
