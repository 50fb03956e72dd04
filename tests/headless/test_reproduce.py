"""`spacetime reproduce`: a result is made again, and compared."""

import json
import math

import pytest
import torch

from spacetime_video import hosts
from spacetime_video.headless.batch.batches import find_result
from spacetime_video.headless.batch.command import BatchOptions, batch_command
from spacetime_video.headless.batch.jobs.options import JobOptions
from spacetime_video.headless.distance import distance
from spacetime_video.headless.reproduce import ReproduceOptions, reproduce_command
from spacetime_video.headless.source import read_graphs
from spacetime_video.media import load_image, read_video, save_image, write_video
from spacetime_video.model_loaders.files import read_file, write_file

from .conftest import node


@pytest.fixture
def settings(tmp_path, models_dir):
    return {
        "input_dir": str(tmp_path / "input"),
        "models_dir": str(models_dir),
        "device": "cpu",
        "dtype": "fp32",
    }


@pytest.fixture
def made(run, write, graph, tmp_path):
    """A clip, its first frame, and a stopped run, each with the graph in it."""
    state = {key: graph["10"]["inputs"][key] for key in ("guider", "noise", "sampler", "sigmas")}
    latent = node("SpacetimeEmptyVideo", width=32, height=32, frames=5, fps=8.0)
    steps = node(
        "SpacetimeSampleSteps", **state, latent=["20", 0], stop_after=1
    )  # fmt: skip
    graph |= {
        "15": node("SaveImage", images=["16", 0], filename_prefix="frame"),
        "16": node("ImageFromBatch", image=["12", 0], batch_index=0, length=1),
        "20": latent,
        "21": steps,
        "22": node("SpacetimeSaveSamplingState", state=["21", 0], filename_prefix="state"),
    }
    assert run(write(graph)) == 0
    return {path.suffix: path for path in (tmp_path / "output").iterdir()}


@pytest.fixture
def reproduce(settings, capfd, standalone):
    """Exit code, printed lines and error text; JSON as an object."""

    def run_and_read(file, **options):
        given = {"settings": settings, "quiet": True, **options}
        code = reproduce_command(ReproduceOptions(file=file, **given))
        printed = capfd.readouterr()
        lines = printed.out.splitlines()
        return code, json.loads(lines[0]) if options.get("json_line") else lines, printed.err

    yield run_and_read
    hosts.use(standalone)


@pytest.mark.parametrize("suffix", [".mp4", ".png", ".safetensors"])
def test_the_same_bytes(made, reproduce, suffix):
    code, lines, _ = reproduce(made[suffix])
    assert (code, lines[0]) == (0, "equal, byte for byte")
    assert "are not recorded" in lines[1]


def test_the_same_pixels_in_another_file(made, reproduce, tmp_path):
    """The picture was saved again with another tag."""
    tags = {"prompt": json.dumps(read_graphs(made[".png"])["prompt"]), "more": "text"}
    file = tmp_path / "again.png"
    save_image(file, load_image(made[".png"]).pixels, metadata=tags)
    code, found, _ = reproduce(file, json_line=True)
    assert code == 0
    assert (found["ok"], found["bytes"], found["max"], found["psnr"]) == (True, False, 0.0, None)


def test_other_pixels(made, reproduce, tmp_path):
    graph = read_graphs(made[".png"])["prompt"]
    pixels = load_image(made[".png"]).pixels.clone()
    pixels[0, 0, 0] = 1 - pixels[0, 0, 0].round()
    file = tmp_path / "changed.png"
    save_image(file, pixels, metadata={"prompt": json.dumps(graph)})
    code, found, _ = reproduce(file, json_line=True)
    assert (code, found["ok"]) == (1, False)
    error = (load_image(file).pixels - load_image(made[".png"]).pixels).double()
    assert found["max"] == pytest.approx(error.abs().max().item())
    assert found["max"] >= 0.5
    assert found["psnr"] == pytest.approx(-10 * math.log10(error.square().mean().item()))
    code, lines, _ = reproduce(file)
    assert "of 255 levels), PSNR" in lines[0]


def test_what_a_batch_has_recorded_is_compared(
    write, graph, settings, reproduce, tmp_path, monkeypatch
):
    options = BatchOptions(
        jobs=JobOptions(workflows=(write(graph, "clip.json"),)),
        output_dir=tmp_path / "output",
        settings=settings,
        quiet=True,
    )
    assert batch_command(options) == 0
    file = tmp_path / "output" / "clip_1.mp4"
    assert find_result(file)[1].job.name == "clip_1"
    nothing = dict.fromkeys(settings)
    code, lines, _ = reproduce(file, settings=nothing)
    assert code == 0
    assert lines[-1] == "versions, models and inputs are unchanged"
    (manifest,) = (tmp_path / "output").glob(".spacetime_batch/*/manifest.jsonl")
    text = manifest.read_text(encoding="utf-8")
    versions = json.loads(next(line for line in text.splitlines() if "versions" in line))
    torch_then = versions["versions"]["torch"]
    vae = read_sha256(text, "vae/random_vae.safetensors")
    text = text.replace(f'"torch": "{torch_then}"', '"torch": "1.0"').replace(vae, "0" * 64)
    manifest.write_text(text, encoding="utf-8")
    code, found, _ = reproduce(file, settings=nothing, json_line=True)
    assert code == 0
    assert found["changes"] == [
        f"torch: 1.0 when it was made, {torch.__version__} now",
        "vae/random_vae.safetensors (models): has changed since it was made",
    ]


def test_a_file_without_its_graph_is_made_again_from_what_is_recorded(
    write, graph, settings, reproduce, tmp_path
):
    options = BatchOptions(
        jobs=JobOptions(workflows=(write(graph, "clip.json"),), seeds="8"),
        output_dir=tmp_path / "output",
        settings={**settings, "metadata": False},
        quiet=True,
    )
    assert batch_command(options) == 0
    code, lines, _ = reproduce(tmp_path / "output" / "clip_1.mp4")
    assert code == 0
    assert "equal, byte for byte" in lines


def read_sha256(manifest, name):
    lines = map(json.loads, manifest.splitlines())
    return next(line["details"]["models"][name] for line in lines if line.get("details"))


@pytest.mark.parametrize("name", ["graph.json", "none.mp4", "bare.png"])
def test_what_cannot_be_made_again_is_told(reproduce, tmp_path, name):
    file = tmp_path / name
    if name == "graph.json":
        file.write_text("{}", encoding="utf-8")
    elif name == "bare.png":
        save_image(file, torch.zeros(4, 4, 3))
    code, found, told = reproduce(file, json_line=True)
    assert code == 1
    assert found["error"] in told
    assert name in found["error"]


def test_distances_of_clips(tmp_path):
    frames = torch.rand(5, 32, 32, 3, generator=torch.Generator().manual_seed(0))
    paths = [tmp_path / f"{name}.mp4" for name in ("one", "other", "longer", "tagged")]
    write_video(paths[0], frames, fps=8, crf=0)
    write_video(paths[1], frames.flip(0), fps=8, crf=0)
    write_video(paths[2], torch.cat([frames, frames]), fps=8, crf=0)
    write_video(paths[3], frames, fps=8, crf=0, metadata={"prompt": "{}"})
    assert distance(paths[0], paths[0]).same_bytes
    far = distance(paths[0], paths[1])
    one, other = (torch.cat(list(read_video(path))) for path in paths[:2])
    error = (one - other).double()
    assert far.largest == pytest.approx(error.abs().max().item())
    assert far.psnr == pytest.approx(-10 * math.log10(error.square().mean().item()))
    assert "5x32x32x3 in the original, 10x32x32x3 now" in distance(paths[0], paths[2]).form
    same = distance(paths[0], paths[3])
    assert (same.is_equal, same.same_bytes) == (True, False)


def test_distances_of_tensors(tmp_path):
    one, other = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    write_file(one, {"x": torch.tensor([2.0, 0.0]), "y": torch.zeros(3)})
    write_file(other, {"x": torch.tensor([2.0, 0.5]), "y": torch.zeros(3)})
    assert set(read_file(one).state) == {"x", "y"}
    far = distance(one, other)
    assert far.largest == 0.5
    assert far.psnr == pytest.approx(10 * math.log10(4 * 5 / 0.25))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_not_finite_are_no_match_for_finite_ones(tmp_path, value):
    paths = [tmp_path / f"{name}.safetensors" for name in ("finite", "not", "same")]
    write_file(paths[0], {"x": torch.tensor([2.0, 1.0])})
    write_file(paths[1], {"x": torch.tensor([2.0, value])})
    write_file(paths[2], {"x": torch.tensor([2.0, value])}, {"more": "text"})
    for pair in (paths[:2], paths[1::-1]):
        far = distance(*pair)
        assert not far.is_equal
        assert "non-finite" in far.form
    same = distance(*paths[1:])
    assert (same.is_equal, same.same_bytes) == (True, False)
    write_file(paths[2], {"x": torch.tensor([1.5, value])})
    far = distance(*paths[1:])
    assert far.largest == 0.5
    assert far.psnr == pytest.approx(10 * math.log10(4 / 0.25))  # of the one finite value


def test_the_peak_is_that_of_both_so_that_zeros_can_be_compared(tmp_path):
    zeros, halves = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    write_file(zeros, {"x": torch.zeros(3), "y": torch.zeros(0)})
    write_file(halves, {"x": torch.full((3,), 0.5), "y": torch.zeros(0)})
    for far in (distance(zeros, halves), distance(halves, zeros)):
        assert (far.largest, far.psnr) == (0.5, 0.0)
