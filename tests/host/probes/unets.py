"""ComfyUI's own video UNets, small: Stable Video Diffusion, and frames as a batch."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import random_state, seeded  # isort: skip

import torch
from comfy import model_management, supported_models
from comfy.model_patcher import ModelPatcher

UNET = {
    "image_size": 32,
    "model_channels": 64,
    "out_channels": 4,
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 2],
    "transformer_depth": [1, 1],
    "transformer_depth_middle": 1,
    "transformer_depth_output": [1, 1, 1, 1],
    "use_spatial_transformer": True,
    "context_dim": 16,
    "legacy": False,
}
SVD = {
    **UNET,
    "in_channels": 8,
    "use_linear_in_transformer": True,
    "num_classes": "sequential",
    "adm_in_channels": 768,
    "use_temporal_resblock": True,
    "use_temporal_attention": True,
    "use_spatial_context": True,
    "extra_ff_mix_layer": True,
    "video_kernel_size": [3, 1, 1],
    "merge_strategy": "learned_with_images",
    "merge_factor": 0.0,
}
FRAMES_AS_BATCH = {**UNET, "in_channels": 4, "num_heads": 2}


def build(config):
    """A model of the host around a network with small random weights."""
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({}, "", device=torch.device("cpu"))
    network = model.diffusion_model
    network.load_state_dict(random_state(network, 0.1), strict=True)
    device = model_management.get_torch_device()
    return ModelPatcher(model, load_device=device, offload_device=device)


def prompts(rows, **extras):
    drawn = torch.randn(2, 1, rows, 16, generator=seeded(7))
    return [[[context, extras]] for context in drawn]


def svd():
    image = torch.randn(1, 4, 8, 6, generator=seeded(8))
    return build(supported_models.SVD_img2vid(SVD)), prompts(1, concat_latent_image=image)


def animated():
    return build(supported_models.SD15(FRAMES_AS_BATCH)), prompts(5)
