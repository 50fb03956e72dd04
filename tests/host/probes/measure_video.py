"""Measure Video in ComfyUI: what it gives, and the picture that it shows."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import report  # isort: skip

import json

import torch

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost

hosts.use(ComfyHost())

from spacetime_video.nodes.video.measure import SpacetimeMeasureVideo  # noqa: E402

columns = torch.arange(32.0)
moving = [((columns - 4 - frame).abs() < 3).float() for frame in range(28)]
still = torch.linspace(0.2, 0.8, 24)[:, None].expand(24, 32)
CLIP = torch.stack([torch.cat([still, row.expand(8, 32)]) for row in moving])
CLIP = CLIP[..., None].expand(-1, -1, -1, 3)

with torch.inference_mode():
    found = {}
    for name, clip in (("going", CLIP[:20]), ("jumping", torch.cat([CLIP[:10], CLIP[18:28]]))):
        made = SpacetimeMeasureVideo.execute(clip, joins="10")
        image, text, passed = made.args
        found[name] = {
            "passed": passed,
            "told": json.loads(text)["passed"],
            "shape": list(image.shape),
            "shown": len(made.ui.as_dict()["images"]),
        }

report(**found)
