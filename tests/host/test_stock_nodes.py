"""ComfyUI's own nodes accept the pack's objects, and its patches reach the network."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("stock", "sdpa")


@pytest.mark.parametrize("sampler", ["euler", "lcm", "dpmpp_2m", "uni_pc"])
def test_ksampler_runs_the_model(measured, sampler):
    assert measured["finite"][sampler]


def test_custom_sampling_equals_ksampler(measured):
    assert measured["advanced"] == 0.0


def test_a_patched_schedule_may_count_in_thousands(measured):
    assert measured["sd3_shift"] < 1e-4


def test_vae_nodes_decode_and_encode(measured):
    assert measured["images"] == measured["tiled"] == [9, 64, 48, 3]
    assert measured["latent"] == [1, 16, 3, 8, 6]


def test_weights_in_bf16_stay_close(measured):
    assert 0 < measured["bf16"] < 0.05


@pytest.mark.parametrize("way", ["kept", "told"])
def test_a_masked_frame_is_kept_and_the_others_are_made(measured, way):
    kept, made = measured[way]
    assert kept < 1e-5
    assert made > 0.1


def test_noise_levels_per_token_reach_the_network(measured):
    assert measured["levels_change"] > 1e-3


def test_an_empty_latent_gets_the_size_that_the_host_gives_it(measured):
    (theirs, ours), keys = measured["empties"]
    assert ours == theirs
    assert "downscale_ratio_spacial" not in keys


def test_sizes_that_the_patch_does_not_divide_are_padded(measured):
    assert measured["odd"] == [1, 16, 2, 7, 5]


def test_a_published_lora_name_finds_its_layer(measured):
    assert measured["lora"] > 1e-3
    assert measured["lora_at_zero"] == 0.0


def test_replaced_blocks_are_honoured(measured):
    assert measured["skipped"] > 1e-3
    assert measured["through"] == 0.0
    assert measured["seen"] == 3


def test_easycache_that_writes_into_what_it_is_given_leaves_the_run_as_it_is(probe):
    for measured in probe("easycache").values():
        assert 2 <= measured["skipped"] <= 9
        assert measured["changed"] > 1e-3
        assert measured["apart"] == 0.0


def test_prompt_weights_move_their_own_tokens_only(measured):
    rows = measured["weight_rows"]
    assert rows[1] > 1e-4
    assert max(rows[:1] + rows[2:]) == 0.0
    assert measured["literal"] == 0.0
