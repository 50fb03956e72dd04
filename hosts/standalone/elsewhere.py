"""Equivalents for nodes of ComfyUI and of common packs that this host does not run."""

MODELS = "Load Models (SpacetimeLoadModels)"
LORA = "Load Video LoRA (SpacetimeLoadLora)"
STEPS = "Sample Steps (SpacetimeSampleSteps) and Resume Sampling (SpacetimeResumeSampling)"
SPACED = "Spaced Schedule (SpacetimeSpacedSchedule)"
SOLVER = "Solver (SpacetimeSolver)"
DECODE = "Decode Video (SpacetimeDecodeVideo)"
ENCODE = "Encode Video (SpacetimeEncodeVideo)"
SAVE = "CreateVideo and SaveVideo"
SKIPPED = "Skip-Layer Guidance (SpacetimeSkipLayerGuidance)"
CACHE = "Step Cache (SpacetimeStepCache)"
EMPTY = "Empty Video (SpacetimeEmptyVideo)"

EQUIVALENTS = {
    "CheckpointLoaderSimple": MODELS,
    "DualCLIPLoader": MODELS,
    "UnetLoaderGGUF": MODELS,
    "CLIPLoaderGGUF": MODELS,
    "WanVideoModelLoader": MODELS,
    "LoraLoader": LORA,
    "SplitSigmasDenoise": STEPS,
    "KarrasScheduler": SPACED,
    "ExponentialScheduler": SPACED,
    "BetaSamplingScheduler": SPACED,
    "SamplerEulerAncestral": SOLVER,
    "SamplerDPMPP_2M_SDE": SOLVER,
    "VAEDecodeTiled": DECODE,
    "VAEEncodeTiled": ENCODE,
    "EmptyMochiLatentVideo": EMPTY,
    "EmptyLTXVLatentVideo": EMPTY,
    "SaveWEBM": SAVE,
    "SaveAnimatedWEBP": SAVE,
    "SaveAnimatedPNG": SAVE,
    "VHS_VideoCombine": SAVE,
    "VHS_LoadVideo": "LoadVideo and GetVideoComponents",
    "SkipLayerGuidanceDiT": SKIPPED,
    "SkipLayerGuidanceSD3": SKIPPED,
    "CFGZeroStar": "CFG-Zero* (SpacetimeCFGZeroStar)",
    "RescaleCFG": "Guidance Rescale (SpacetimeGuidanceRescale)",
    "APG": "Projected Guidance (SpacetimeProjectedGuidance)",
    "NAGuidance": "Normalized Attention Guidance (SpacetimeAttentionGuidance)",
    "EasyCache": CACHE,
    "LazyCache": CACHE,
    "SamplerLCM": "LCM Sampler (SpacetimeLCMSampler)",
}
"""Node id -> the nodes to use instead."""
