"""The tasks of the timeline in ComfyUI give what they give in the standalone host."""

import pytest
import torch

TASKS = {
    *("animate", "forward", "backward", "connect", "close", "converge", "branch", "prompts"),
    *("edit", "inpaint", "outpaint", "place"),
}


@pytest.fixture(scope="module")
def made(probe, tmp_path_factory):
    """What the tasks make, by name, in a host with one kind of attention."""
    folder = tmp_path_factory.mktemp("timeline")

    def make(host, attention):
        file = folder / f"{host}_{attention}.pt"
        measured = probe("timeline", host, str(file), attention)
        assert set(measured["given"].values()) == {True}
        return torch.load(file)

    return make


def test_every_task_gives_the_same_clip_in_both_hosts(made):
    ours = made("standalone", "sdpa")
    assert set(ours) == {*TASKS, "view", "sound"}
    assert min(float(ours[task].std()) for task in TASKS) > 0.02
    for attention, tolerance in (("sdpa", 1e-5), ("default", 1e-4)):
        theirs = made("comfyui", attention)
        assert {name: each.shape for name, each in theirs.items()} == {
            name: each.shape for name, each in ours.items()
        }
        apart = {name: float((each - theirs[name]).abs().max()) for name, each in ours.items()}
        assert {name: far for name, far in apart.items() if far > tolerance} == {}
