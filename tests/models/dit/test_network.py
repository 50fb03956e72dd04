"""The transformer's own laws: packing, levels per token, optional inputs, hooks, loops."""

import pytest
import torch

from spacetime_video.models.dit.blocks import Modulation
from spacetime_video.models.dit.conditioning import frame_levels
from spacetime_video.models.dit.config import TINY_DIT, DiTConfig
from spacetime_video.models.dit.network import VideoDiT, initialise
from spacetime_video.models.hooks import BlockHooks, Embedded
from spacetime_video.models.patchify import TokenLayout, pack_layouts, patchify, unpatchify

CONFIG = DiTConfig(
    dim=24,
    heads=2,
    ffn_dim=32,
    layers=3,
    in_channels=4,
    out_channels=4,
    text_dim=16,
    text_length=5,
    freq_dim=16,
    conditions=("r", "guidance", "fps", "loop"),
)


@pytest.fixture
def network() -> VideoDiT:
    generator = torch.Generator().manual_seed(1)
    model = VideoDiT(CONFIG).double().eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.normal_(std=0.3, generator=generator)
    return model


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_packed_clips_equal_separate_ones(network: VideoDiT) -> None:
    clips = [noise(2, 4, 3, 4, 6), noise(2, 4, 1, 8, 2, seed=1), noise(2, 4, 5, 2, 2, seed=2)]
    texts = [network.prepare(noise(2, 5, 16, seed=7 + n)) for n in range(3)]
    sigma = torch.tensor([0.2, 0.9])
    tokens = patchify(clips)
    packed = network.forward_tokens(tokens.values, tokens.layout, sigma, texts)
    for got, clip, text in zip(unpatchify(tokens.with_values(packed)), clips, texts, strict=True):
        torch.testing.assert_close(got, network(clip, sigma, [text]), atol=1e-6, rtol=1e-5)


def test_a_clip_has_no_gradient_from_another(network: VideoDiT) -> None:
    tokens = patchify([noise(1, 4, 1, 4, 4), noise(1, 4, 2, 4, 4, seed=1)])
    values = tokens.values.clone().requires_grad_()
    text = [network.prepare(noise(1, 5, 16))]
    out = network.forward_tokens(values, tokens.layout, torch.tensor([0.5]), text)
    first, second = tokens.layout.spans
    out[:, first].sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad[:, second], torch.zeros_like(values.grad[:, second]))
    assert values.grad[:, first].abs().sum() > 0


def test_one_level_for_all_tokens_is_the_scalar_level(network: VideoDiT) -> None:
    latent, text = noise(2, 4, 3, 4, 4), network.prepare(noise(2, 5, 16))
    sigma = torch.tensor([0.3, 0.8])
    each = sigma[:, None, None, None].expand(2, 3, 4, 4)
    assert torch.equal(network(latent, sigma, [text]), network(latent, each, [text]))


def test_levels_of_frames_are_those_of_their_places(network: VideoDiT) -> None:
    latent, text = noise(2, 4, 3, 4, 4), network.prepare(noise(2, 5, 16))
    places = torch.rand(2, 3, 1, 1).expand(2, 3, 4, 4).clone()
    frames = frame_levels(places)
    given = {"fps": torch.tensor([8.0, 16.0]), "r": torch.rand(2, 12)}
    assert frames.shape == (2, 3, 1, 1)
    for told in ({}, given):
        made = network(latent, frames, [text], conditions=told)
        assert torch.equal(made, network(latent, places, [text], conditions=told))
    places[1, 2, 3, 3] += 0.1
    assert frame_levels(places) is places


def test_modulation_is_kept_per_distinct_level_and_not_per_token() -> None:
    """Six copies of the state for every block would not fit where a clip has many tokens."""
    index = torch.arange(32)[None] % 2
    modulation = Modulation(torch.rand(2, 6, 24), index)
    vectors = modulation.vectors(torch.rand(1, 6, 24))
    assert [tuple(vector.shape) for vector in vectors] == [(2, 24)] * 6


def test_a_token_takes_the_highest_level_of_its_patch(network: VideoDiT) -> None:
    latent, text = noise(1, 4, 2, 4, 4), network.prepare(noise(1, 5, 16))
    mixed = torch.full((1, 2, 4, 4), 0.25)
    mixed[0, 1, 0, 0] = 0.75
    whole = torch.full((1, 2, 4, 4), 0.25)
    whole[0, 1, :2, :2] = 0.75
    assert torch.equal(network(latent, mixed, [text]), network(latent, whole, [text]))


@pytest.mark.parametrize("name", CONFIG.conditions)
def test_fresh_conditions_change_nothing_and_trained_ones_do(name: str) -> None:
    network = VideoDiT(CONFIG)
    initialise(network, torch.Generator().manual_seed(0))
    torch.nn.init.normal_(network.head.head.weight)
    latent, text = noise(1, 4, 2, 4, 4).float(), network.prepare(noise(1, 5, 16).float())
    sigma, given = torch.tensor([0.4]), {name: torch.tensor([0.7])}
    plain = network(latent, sigma, [text])
    assert torch.equal(plain, network(latent, sigma, [text], conditions=given))
    torch.nn.init.normal_(network.condition_embeddings[name][2].weight)
    assert not torch.allclose(plain, network(latent, sigma, [text], conditions=given))


def test_conditions_may_differ_between_packed_clips(network: VideoDiT) -> None:
    clips = [noise(1, 4, 1, 4, 4), noise(1, 4, 2, 4, 4, seed=1)]
    text, sigma = network.prepare(noise(1, 5, 16)), torch.tensor([0.5])
    tokens = patchify(clips)
    rates = torch.tensor([[8.0, 24.0]])
    packed = network.forward_tokens(
        tokens.values, tokens.layout, sigma, [text], conditions={"fps": rates}
    )
    for number, got in enumerate(unpatchify(tokens.with_values(packed))):
        alone = network(clips[number], sigma, [text], conditions={"fps": rates[:, number]})
        torch.testing.assert_close(got, alone, atol=1e-6, rtol=1e-5)


def test_extra_clean_tokens_stand_at_their_own_time(network: VideoDiT) -> None:
    """A reference frame packed into the clip equals the same frame found in the clip."""
    latent, text = noise(1, 4, 3, 4, 4), network.prepare(noise(1, 5, 16))
    sigma = torch.tensor([0.6])
    levels = sigma[:, None, None, None].expand(1, 3, 4, 4).clone()
    levels[:, 2] = 0.0
    expected = patchify([network(latent, levels, [text])]).values
    clip, frame = patchify([latent[:, :, :2]]), patchify([latent[:, :, 2:]])
    coordinates = frame.layout.coordinates + torch.tensor([2.0, 0.0, 0.0])
    places = torch.cat([clip.layout.coordinates, coordinates])
    joined = TokenLayout(places, (len(expected[0]),), (0,))
    values = torch.cat([clip.values, frame.values], dim=1)
    each = torch.cat([sigma.expand(1, 8), torch.zeros(1, 4)], dim=1)
    got = network.forward_tokens(values, joined, each, [text])
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-5)


def test_rolling_a_loop_rolls_the_prediction(network: VideoDiT) -> None:
    latent, text = noise(1, 4, 9, 4, 4), network.prepare(noise(1, 5, 16))
    sigma = torch.tensor([0.5])
    rolled = network(latent.roll(4, dims=2), sigma, [text], loop=True)
    expected = network(latent, sigma, [text], loop=True).roll(4, dims=2)
    torch.testing.assert_close(rolled, expected, atol=1e-5, rtol=1e-5)
    open_time = network(latent.roll(4, dims=2), sigma, [text])
    assert not torch.allclose(open_time, network(latent, sigma, [text]).roll(4, dims=2), atol=1e-3)


def test_a_short_prompt_is_the_prompt_with_zero_rows(network: VideoDiT) -> None:
    latent, sigma, prompt = noise(2, 4, 1, 4, 4), torch.tensor([0.5, 0.7]), noise(2, 2, 16)
    padded = torch.cat([prompt, torch.zeros(2, 3, 16, dtype=torch.float64)], dim=1)
    short, whole = network.prepare(prompt), network.prepare(padded)
    assert short[0].text[0].shape == whole[0].text[0].shape == (2, 2, 5, 12)
    expected = network(latent, sigma, [whole])
    torch.testing.assert_close(network(latent, sigma, [short]), expected, atol=1e-6, rtol=1e-6)
    longer = noise(2, 6, 16)
    assert network.prepare(longer)[0].text[0].shape == (2, 2, 6, 12)


def test_hooks(network: VideoDiT) -> None:
    latent, text = noise(1, 4, 1, 4, 4), network.prepare(noise(1, 5, 16))
    sigma = torch.tensor([0.5])

    def run(hooks: BlockHooks) -> torch.Tensor:
        return network(latent, sigma, [text], hooks=hooks)

    plain = run(BlockHooks())
    assert torch.equal(plain, run(BlockHooks(around=lambda n, x, block: block(x))))
    assert torch.equal(plain, run(BlockHooks(residuals={1: torch.zeros(1, 4, 24)})))
    assert not torch.allclose(plain, run(BlockHooks(residuals={1: noise(1, 4, 24)})))
    skipped = run(BlockHooks(skipped=frozenset({1})))
    passed = run(BlockHooks(around=lambda n, x, block: x if n == 1 else block(x)))
    assert torch.equal(skipped, passed)
    assert not torch.allclose(plain, skipped)
    attend = network.blocks[0].cross_attn.attention
    same = BlockHooks(cross_attend=lambda n, q, texts, spans: attend(q, *texts[0]))
    assert torch.equal(plain, run(same))


def test_a_branch_beside_the_blocks_adds_what_it_makes(network: VideoDiT) -> None:
    latent, sigma = noise(1, 4, 2, 4, 4), torch.tensor([0.5])
    text = network.prepare(noise(1, 5, 16))
    fixed, seen = noise(1, 8, 24), []

    def branch(inside: Embedded) -> list[tuple[int, torch.Tensor]]:
        seen.append(inside)
        return [(1, network.blocks[1](inside.x, [text[1]], inside.shared, 1))]

    def run(hooks: BlockHooks) -> torch.Tensor:
        return network(latent, sigma, [text], hooks=hooks)

    alone = run(BlockHooks(branches=(branch,)))
    (inside,) = seen
    given = BlockHooks(residuals=dict(branch(inside)))
    assert torch.equal(alone, run(given))
    assert not torch.allclose(alone, run(BlockHooks()))
    both = run(BlockHooks(residuals={1: fixed}, branches=(branch, lambda inside: [(1, -fixed)])))
    torch.testing.assert_close(both, alone, atol=1e-6, rtol=1e-6)


def test_further_channels_stand_beside_the_state() -> None:
    config = DiTConfig(
        dim=24, heads=2, ffn_dim=32, layers=1, in_channels=7, out_channels=4, text_dim=16
    )
    network = VideoDiT(config).double()
    initialise(network, torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.head.head.weight.copy_(noise(*network.head.head.weight.shape))
    x, more, sigma = noise(1, 4, 2, 4, 6), noise(1, 3, 2, 4, 6, seed=1), torch.tensor([0.5])
    text = network.prepare(noise(1, 5, 16))
    whole = network(torch.cat([x, more], dim=1), sigma, [text])
    assert torch.equal(network(x, sigma, [text], channels=more), whole)
    tokens, beside = patchify([x]), patchify([more])
    made = network(tokens.values, sigma, [text], layout=tokens.layout, channels=beside.values)
    (made,) = unpatchify(tokens.with_values(made))
    torch.testing.assert_close(made, whole, atol=1e-6, rtol=1e-6)
    with pytest.raises(ValueError, match=r"2 prompts for one latent.*Sample Patches"):
        network(x, sigma, [text, text], channels=more)


class Stand(torch.nn.Module):
    """What a compiler puts in a block's place: a module of its own kind that calls the block."""

    def __init__(self, block: torch.nn.Module) -> None:
        super().__init__()
        self.block = block
        self.cross_attn = block.cross_attn

    def forward(self, *args: object, **kwargs: object) -> torch.Tensor:
        return self.block(*args, **kwargs)


def test_a_block_that_was_wrapped_still_runs(network: VideoDiT) -> None:
    latent, context, sigma = noise(1, 4, 1, 4, 4), noise(1, 5, 16), torch.tensor([0.5])
    plain = network(latent, sigma, [network.prepare(context)])
    network.blocks[1] = Stand(network.blocks[1])
    assert torch.equal(plain, network(latent, sigma, [network.prepare(context)]))


def test_training_may_follow_inference(network: VideoDiT) -> None:
    """Tables kept from a run in inference mode take part in autograd."""
    latent, sigma = noise(1, 4, 7, 2, 2), torch.tensor([0.5])
    with torch.inference_mode():
        network(latent, sigma, [network.prepare(noise(1, 5, 16))])
    network.requires_grad_(True)
    network(latent, sigma, [network.prepare(noise(1, 5, 16))]).sum().backward()
    assert network.blocks[0].self_attn.q.weight.grad.abs().sum() > 0


def test_clear_errors(network: VideoDiT) -> None:
    text = network.prepare(noise(1, 5, 16))
    latent, sigma = noise(1, 4, 1, 4, 4), torch.tensor([0.5])
    with pytest.raises(ValueError, match=r"no input .*'height'.*it takes"):
        network(latent, sigma, [text], conditions={"height": sigma})
    with pytest.raises(ValueError, match="multiple of the patch size 2"):
        network(noise(1, 4, 1, 5, 4), sigma, [text])
    with pytest.raises(ValueError, match="per token"):
        network(latent, sigma, [text], conditions={"fps": torch.ones(1, 9)})
    tokens = patchify([latent])
    with pytest.raises(ValueError, match="2 prompts for 1 clips"):
        network.forward_tokens(tokens.values, tokens.layout, sigma, [text, text])
    with pytest.raises(ValueError, match=r"shape \(3, 3\) for clips of \(2, 2\) tokens"):
        TokenLayout(torch.zeros(3, 3), (2, 2), (0, 0))
    with pytest.raises(ValueError, match="2 clips but 1 entries in loop_frames"):
        TokenLayout(torch.zeros(3, 3), (2, 1), (0,))
    with pytest.raises(ValueError, match="even heads"):
        DiTConfig(dim=10, heads=3, ffn_dim=4, layers=1)
    with pytest.raises(ValueError, match="unknown conditions"):
        DiTConfig(dim=12, heads=2, ffn_dim=4, layers=1, conditions=("mood",))


def test_layouts_pack_and_split() -> None:
    tokens = patchify([noise(1, 4, 2, 4, 4), noise(1, 4, 1, 2, 6)])
    assert tokens.layout.lengths == (8, 3)
    again = pack_layouts([tokens.layout, tokens.layout])
    assert again.lengths == (8, 3, 8, 3)
    back = unpatchify(tokens)
    assert torch.equal(back[0], noise(1, 4, 2, 4, 4))
    assert torch.equal(back[1], noise(1, 4, 1, 2, 6))
    with pytest.raises(ValueError, match="differ in"):
        patchify([noise(1, 4, 1, 2, 2), noise(1, 3, 1, 2, 2)])
    with pytest.raises(ValueError, match="at least one"):
        patchify([])


def test_config_survives_json() -> None:
    assert DiTConfig(**TINY_DIT.to_dict()) == TINY_DIT
