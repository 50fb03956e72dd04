"""Runs of our network under the host's own EasyCache, beside the same cache that copies."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, text_weights  # isort: skip

import torch
from comfy_extras.nodes_easycache import EasyCacheHolder, EasyCacheNode

import nodes
from spacetime_video.hosts.comfyui.host import ComfyHost

STEPS = 12
THRESHOLD = 0.3

host = ComfyHost()
clip = host.models.make_clip(text_weights(), dtype="fp32")
prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube moves left", "")]
model = host.models.make_model(dit_weights(), dtype="fp32")
apply = EasyCacheHolder.apply_cache_diff
skipped = []


def sample(model, guidance):
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    made = nodes.KSampler().sample(
        model, 1, STEPS, guidance, "euler", "simple", *prompts, latent, denoise=1.0
    )
    return made[0]["samples"]


def counted(self, x, *arguments, **named):
    skipped.append(0)
    return apply(self, x, *arguments, **named)


def copying(self, x, *arguments, **named):
    return apply(self, x.clone(), *arguments, **named)


def with_cache(guidance, method):
    EasyCacheHolder.apply_cache_diff = method
    cached = EasyCacheNode.execute(model, THRESHOLD, 0.0, 1.0, False)[0]
    return sample(cached, guidance)


measured = {}
for guidance in (1.0, 4.0):
    skipped.clear()
    plain, made = sample(model, guidance), with_cache(guidance, counted)
    wanted = with_cache(guidance, copying)
    measured[str(guidance)] = {
        "skipped": len(skipped),
        "apart": float((made - wanted).abs().max()),
        "changed": float((wanted - plain).abs().max()),
    }
report(**measured)
