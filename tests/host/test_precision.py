"""Number formats on a CPU: ComfyUI takes fp32 for all, also where bf16 is twice as fast."""

FP32, BF16 = "torch.float32", "torch.bfloat16"


def test_bf16_is_taken_where_a_cpu_is_fast_in_it_and_nobody_said_otherwise(probe):
    assert probe("precision") == {
        "fast": [BF16] * 3,
        "asked": BF16,
        "slow": [FP32] * 3,
        "asked_of_a_slow_one": FP32,
        "told": [FP32] * 3,
        "forced": [FP32] * 3,
    }
