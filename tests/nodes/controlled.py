"""Clips of the random model that follow pictures, on the standalone host."""

import torch

from spacetime_video.hosts import host
from spacetime_video.nodes.control.controlnet import SpacetimeApplyControlNet
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser

FRAMES = 17


def pictures(frames=FRAMES, side=32, seed=0):
    return torch.rand(frames, side, side, 3, generator=torch.Generator().manual_seed(seed))


def latent(frames=5, side=4, **more):
    return {"samples": torch.zeros(1, 16, frames, side, side), "fps": 16.0, **more}


class Controlled:
    def __init__(self, bench, control_net):
        self.bench, self.net, self.vae = bench, control_net, bench.models.vae

    def prompts(self, images=None, before=None, **options):
        told = {"strength": 1.0, "start_percent": 0.0, "end_percent": 1.0, **options}
        images = pictures() if images is None else images
        positive, negative = before or (self.bench.positive, self.bench.negative)
        made = SpacetimeApplyControlNet.execute(
            positive, negative, self.net, images, self.vae, **told
        )
        return made[0], made[1]

    def guider(self, positive, negative, guidance=3.0, model=None):
        model = model or self.bench.models.model
        return SpacetimeDenoiser.execute(model, positive, negative, guidance)[0]

    def sample(self, images=None, given=None, model=None, **options):
        guider = self.guider(*self.prompts(images, **options), model=model)
        return self.bench.sample(given or latent(), guider=guider)["samples"]


def hint_of(controlled, images, loop=False):
    """The hint over a whole clip, as the branch takes it."""
    raw = host().models.encode_video(controlled.vae, images, loop=loop)
    return controlled.net.latent.normalise(raw)
