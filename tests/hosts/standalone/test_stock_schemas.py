"""Stock nodes have the ids, inputs and outputs of ComfyUI's."""

import pytest

from spacetime_video.hosts.standalone.stock import stock_nodes

NODES = {node.GET_SCHEMA().node_id: node for node in stock_nodes()}

# node id: (display name, inputs with type and default, output types and names) of ComfyUI
COMFYUI = {
    "LoadImage": ("Load Image", [("image", "COMBO", None)], ["IMAGE", "MASK"], [None, None]),
    "SaveImage": (
        "Save Image",
        [("images", "IMAGE", None), ("filename_prefix", "STRING", "ComfyUI")],
        [],
        [],
    ),
    "PreviewImage": ("Preview Image", [("images", "IMAGE", None)], [], []),
    "PreviewAny": ("Preview Any", [("source", "*", None)], [], []),
    "LoadVideo": ("Load Video", [("file", "COMBO", None)], ["VIDEO"], [None]),
    "GetVideoComponents": (
        "Get Video Components",
        [("video", "VIDEO", None)],
        ["IMAGE", "AUDIO", "FLOAT", "INT", "COMBO"],
        ["images", "audio", "fps", "bit_depth", "color_space"],
    ),
    "CreateVideo": (
        "Create Video",
        [
            ("images", "IMAGE", None),
            ("fps", "FLOAT", 30.0),
            ("audio", "AUDIO", None),
            ("bit_depth", "INT", 8),
        ],
        ["VIDEO"],
        [None],
    ),
    "SaveVideo": (
        "Save Video",
        [
            ("video", "VIDEO", None),
            ("filename_prefix", "STRING", "video/ComfyUI"),
            ("format", "COMBO", "auto"),
            ("codec", "COMBO", "auto"),
            ("encoding", "COMBO", "auto"),
            ("crf", "FLOAT", 18.0),
            ("color_space", "COMBO", "auto"),
        ],
        ["VIDEO"],
        ["video"],
    ),
    "CLIPTextEncode": (
        "CLIP Text Encode (Prompt)",
        [("text", "STRING", None), ("clip", "CLIP", None)],
        ["CONDITIONING"],
        [None],
    ),
    "VAEEncode": (
        "VAE Encode",
        [("pixels", "IMAGE", None), ("vae", "VAE", None)],
        ["LATENT"],
        [None],
    ),
    "VAEDecode": (
        "VAE Decode",
        [("samples", "LATENT", None), ("vae", "VAE", None)],
        ["IMAGE"],
        [None],
    ),
    "KSampler": (
        "KSampler",
        [
            ("model", "MODEL", None),
            ("seed", "INT", 0),
            ("steps", "INT", 20),
            ("cfg", "FLOAT", 8.0),
            ("sampler_name", "COMBO", None),
            ("scheduler", "COMBO", None),
            ("positive", "CONDITIONING", None),
            ("negative", "CONDITIONING", None),
            ("latent_image", "LATENT", None),
            ("denoise", "FLOAT", 1.0),
        ],
        ["LATENT"],
        [None],
    ),
    "LoadImageMask": (
        "Load Image (as Mask)",
        [("image", "COMBO", None), ("channel", "COMBO", None)],
        ["MASK"],
        [None],
    ),
    "ImageScale": (
        "Upscale Image",
        [
            ("image", "IMAGE", None),
            ("upscale_method", "COMBO", None),
            ("width", "INT", 512),
            ("height", "INT", 512),
            ("crop", "COMBO", None),
        ],
        ["IMAGE"],
        [None],
    ),
    "ImageFromBatch": (
        "ImageFromBatch",
        [("image", "IMAGE", None), ("batch_index", "INT", 0), ("length", "INT", 1)],
        ["IMAGE"],
        [None],
    ),
    "EmptyLatentImage": (
        "Empty Latent Image",
        [("width", "INT", 512), ("height", "INT", 512), ("batch_size", "INT", 1)],
        ["LATENT"],
        [None],
    ),
    "EmptySD3LatentImage": (
        "EmptySD3LatentImage",
        [("width", "INT", 1024), ("height", "INT", 1024), ("batch_size", "INT", 1)],
        ["LATENT"],
        [None],
    ),
    "EmptyHunyuanLatentVideo": (
        "EmptyHunyuanLatentVideo",
        [
            ("width", "INT", 848),
            ("height", "INT", 480),
            ("length", "INT", 25),
            ("batch_size", "INT", 1),
        ],
        ["LATENT"],
        [None],
    ),
    "Wan22ImageToVideoLatent": (
        "Wan22ImageToVideoLatent",
        [
            ("vae", "VAE", None),
            ("width", "INT", 1280),
            ("height", "INT", 704),
            ("length", "INT", 49),
            ("batch_size", "INT", 1),
            ("start_image", "IMAGE", None),
        ],
        ["LATENT"],
        [None],
    ),
    "SetLatentNoiseMask": (
        "Set Latent Noise Mask",
        [("samples", "LATENT", None), ("mask", "MASK", None)],
        ["LATENT"],
        [None],
    ),
    "RepeatLatentBatch": (
        "Repeat Latent Batch",
        [("samples", "LATENT", None), ("amount", "INT", 1)],
        ["LATENT"],
        [None],
    ),
    "ModelSamplingSD3": (
        "ModelSamplingSD3",
        [("model", "MODEL", None), ("shift", "FLOAT", 3.0)],
        ["MODEL"],
        [None],
    ),
    "LoraLoaderModelOnly": (
        "LoraLoaderModelOnly",
        [("model", "MODEL", None), ("lora_name", "COMBO", None), ("strength_model", "FLOAT", 1.0)],
        ["MODEL"],
        [None],
    ),
    "KSamplerAdvanced": (
        "KSampler (Advanced)",
        [
            ("model", "MODEL", None),
            ("add_noise", "COMBO", None),
            ("noise_seed", "INT", 0),
            ("steps", "INT", 20),
            ("cfg", "FLOAT", 8.0),
            ("sampler_name", "COMBO", None),
            ("scheduler", "COMBO", None),
            ("positive", "CONDITIONING", None),
            ("negative", "CONDITIONING", None),
            ("latent_image", "LATENT", None),
            ("start_at_step", "INT", 0),
            ("end_at_step", "INT", 10000),
            ("return_with_leftover_noise", "COMBO", None),
        ],
        ["LATENT"],
        [None],
    ),
    "SplitSigmas": (
        "SplitSigmas",
        [("sigmas", "SIGMAS", None), ("step", "INT", 0)],
        ["SIGMAS", "SIGMAS"],
        ["high_sigmas", "low_sigmas"],
    ),
    "UNETLoader": (
        "Load Diffusion Model",
        [("unet_name", "COMBO", None), ("weight_dtype", "COMBO", None)],
        ["MODEL"],
        [None],
    ),
    "CLIPLoader": (
        "Load CLIP",
        [("clip_name", "COMBO", None), ("type", "COMBO", None), ("device", "COMBO", None)],
        ["CLIP"],
        [None],
    ),
    "VAELoader": ("Load VAE", [("vae_name", "COMBO", None)], ["VAE"], [None]),
    "RandomNoise": ("RandomNoise", [("noise_seed", "INT", 0)], ["NOISE"], [None]),
    "DisableNoise": ("DisableNoise", [], ["NOISE"], [None]),
    "KSamplerSelect": ("KSamplerSelect", [("sampler_name", "COMBO", None)], ["SAMPLER"], [None]),
    "BasicScheduler": (
        "BasicScheduler",
        [
            ("model", "MODEL", None),
            ("scheduler", "COMBO", None),
            ("steps", "INT", 20),
            ("denoise", "FLOAT", 1.0),
        ],
        ["SIGMAS"],
        [None],
    ),
    "BasicGuider": (
        "BasicGuider",
        [("model", "MODEL", None), ("conditioning", "CONDITIONING", None)],
        ["GUIDER"],
        [None],
    ),
    "CFGGuider": (
        "CFGGuider",
        [
            ("model", "MODEL", None),
            ("positive", "CONDITIONING", None),
            ("negative", "CONDITIONING", None),
            ("cfg", "FLOAT", 8.0),
        ],
        ["GUIDER"],
        [None],
    ),
    "ControlNetLoader": (
        "Load ControlNet Model",
        [("control_net_name", "COMBO", None)],
        ["CONTROL_NET"],
        [None],
    ),
    "ControlNetApplyAdvanced": (
        "Apply ControlNet",
        [
            ("positive", "CONDITIONING", None),
            ("negative", "CONDITIONING", None),
            ("control_net", "CONTROL_NET", None),
            ("image", "IMAGE", None),
            ("strength", "FLOAT", 1.0),
            ("start_percent", "FLOAT", 0.0),
            ("end_percent", "FLOAT", 1.0),
            ("vae", "VAE", None),
        ],
        ["CONDITIONING", "CONDITIONING"],
        ["positive", "negative"],
    ),
    "SamplerCustom": (
        "SamplerCustom",
        [
            ("model", "MODEL", None),
            ("add_noise", "BOOLEAN", True),
            ("noise_seed", "INT", 0),
            ("cfg", "FLOAT", 8.0),
            ("positive", "CONDITIONING", None),
            ("negative", "CONDITIONING", None),
            ("sampler", "SAMPLER", None),
            ("sigmas", "SIGMAS", None),
            ("latent_image", "LATENT", None),
        ],
        ["LATENT", "LATENT"],
        ["output", "denoised_output"],
    ),
    "SamplerCustomAdvanced": (
        "SamplerCustomAdvanced",
        [
            ("noise", "NOISE", None),
            ("guider", "GUIDER", None),
            ("sampler", "SAMPLER", None),
            ("sigmas", "SIGMAS", None),
            ("latent_image", "LATENT", None),
        ],
        ["LATENT", "LATENT"],
        ["output", "denoised_output"],
    ),
    "PrimitiveInt": ("Int", [("value", "INT", None)], ["INT"], [None]),
    "PrimitiveFloat": ("Float", [("value", "FLOAT", None)], ["FLOAT"], [None]),
    "PrimitiveString": ("String", [("value", "STRING", None)], ["STRING"], [None]),
    "PrimitiveStringMultiline": (
        "String (Multiline)",
        [("value", "STRING", None)],
        ["STRING"],
        [None],
    ),
    "PrimitiveBoolean": ("Boolean", [("value", "BOOLEAN", None)], ["BOOLEAN"], [None]),
}


def test_the_same_nodes_as_comfyui():
    assert set(NODES) == set(COMFYUI)


@pytest.mark.parametrize("node_id", COMFYUI)
def test_schema_is_comfyuis(node_id):
    schema = NODES[node_id].GET_SCHEMA()
    name, inputs, types, names = COMFYUI[node_id]
    given = [(i.id, i.get_io_type(), getattr(i, "default", None)) for i in schema.inputs]
    assert (schema.display_name, given) == (name, inputs)
    assert [o.get_io_type() for o in schema.outputs] == types
    assert [o.display_name for o in schema.outputs] == names
    showing = {"SaveImage", "PreviewImage", "PreviewAny", "SaveVideo"}
    assert schema.is_output_node == (node_id in showing)
