"""Measure Video gives its verdict, its numbers and its plots in ComfyUI."""


def test_verdict_numbers_and_plots(probe):
    measured = probe("measure_video")
    for name, passed in (("going", True), ("jumping", False)):
        shown = {"shape": [1, 1200, 960, 3], "shown": 1}
        assert measured[name] == {"passed": passed, "told": passed, **shown}
