import pytest

from spacetime_video.media.names import choose_among, moved_name, same_name

HERE = [
    "wan/Model.safetensors",
    "other/model_fp8.safetensors",
    "a/twin.pt",
    "b/twin.pt",
    "A.pt",
    "a.pt",
]


@pytest.mark.parametrize(
    ("name", "same", "moved"),
    [
        ("wan/Model.safetensors", 0, 0),
        ("wan\\Model.safetensors", 0, 0),
        ("WAN\\model.SAFETENSORS", 0, 0),
        ("Model.safetensors", None, 0),
        ("C:\\ComfyUI\\models\\vae\\model.safetensors", None, 0),
        ("/home/else/models/model_fp8.safetensors", None, 1),
        ("twin.pt", None, None),
        ("b\\twin.pt", 3, 3),
        ("a.pt", 5, 5),
        ("c/A.pt", None, 4),
        ("model", None, None),
        ("", None, None),
    ],
)
def test_names_from_other_machines(name, same, moved):
    assert same_name(name, HERE) == (None if same is None else HERE[same])
    assert moved_name(name, HERE) == (None if moved is None else HERE[moved])


def test_the_nearest_names_are_proposed_first():
    names = [f"file_{letter}.pt" for letter in "abcdefgh"] + ["x/wan2.1_vae.safetensors"]

    proposed = choose_among(names, "Wan2.2_VAE.safetensors")

    assert proposed.startswith("put it there, or choose one of x/wan2.1_vae.safetensors, file_a.pt")
    assert choose_among(names).startswith("put it there, or choose one of file_a.pt, file_b.pt")
    assert choose_among([], "a.pt") == "put it there"
