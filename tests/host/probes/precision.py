"""Which number formats ComfyUI computes our models in on CPUs with and without bf16 units."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, text_weights, vae_weights  # isort: skip

import torch
from comfy.cli_args import args

from spacetime_video.hosts.comfyui import precision
from spacetime_video.hosts.comfyui.host import ComfyHost

host = ComfyHost()


def formats(dtype, *, fast, **told):
    """Names of the formats that each network computes in.

    Args:
        fast: whether the CPU has units for bf16.
        told: options of ComfyUI.
    """
    precision.has_fast_bf16 = lambda device: fast
    before = {name: getattr(args, name) for name in told}
    vars(args).update(told)
    model = host.models.make_model(dit_weights(), dtype=dtype).model
    clip = host.models.make_clip(text_weights(), dtype=dtype)
    vae = host.models.make_vae(vae_weights(), dtype=dtype)
    vars(args).update(before)
    (text,) = {weight.dtype for weight in clip.cond_stage_model.parameters()}
    computed = model.manual_cast_dtype or model.get_dtype()
    return [str(each) for each in (computed, text, vae.vae_dtype)]


with torch.inference_mode():
    report(
        fast=formats("auto", fast=True),
        asked=formats("bf16", fast=True)[0],
        slow=formats("auto", fast=False),
        asked_of_a_slow_one=formats("bf16", fast=False)[0],
        told=formats("auto", fast=True, fp32_unet=True, fp32_text_enc=True, fp32_vae=True),
        forced=formats("auto", fast=True, force_fp32=True),
    )
