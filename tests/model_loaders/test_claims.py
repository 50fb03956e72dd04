"""What files say of themselves is compared with what they hold, before anything is built."""

import json
import time

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from spacetime_video.model_loaders.files import METADATA_KEY
from spacetime_video.model_loaders.fit import check_fit
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.model_loaders.load import read_dit, read_text_encoder, read_vae
from spacetime_video.weights import bundled

PLACES = {"dit": "diffusion_models", "text": "text_encoders", "vae": "vae"}
FILES = {kind: next(iter(bundled(folder).values())) for kind, folder in PLACES.items()}
READERS = {"dit": read_dit, "text": read_text_encoder, "vae": read_vae}
SECONDS = 20


@pytest.fixture
def altered(tmp_path):
    """A copy of a shipped file, with other tensors or another header."""

    def write(kind, tensors=(), drop=(), bare=False, **info):
        with safe_open(FILES[kind], framework="pt") as file:
            known = json.loads(file.metadata()[METADATA_KEY])
        state = {k: v for k, v in load_file(FILES[kind]).items() if k not in drop} | dict(tensors)
        for path, value in info.items():
            *parents, last = path.split("__")
            place = known
            for parent in parents:
                place = place[parent]
            place[last] = value
        path = tmp_path / f"{kind}.safetensors"
        save_file(state, path, None if bare else {METADATA_KEY: json.dumps(known)})
        return path

    return write


def refused(kind, path, *, reader=True):
    """The message of the check before the run; the reader of the file mostly refuses it as well."""
    began = time.process_time()
    with pytest.raises(UnsupportedCheckpointError) as checked:
        check_fit(*{**FILES, kind: path}.values())
    if reader:
        with pytest.raises(UnsupportedCheckpointError):
            READERS[kind](path)
    assert time.process_time() - began < SECONDS
    assert len(str(checked.value)) < 700
    return str(checked.value)


@pytest.mark.parametrize(
    ("kind", "keys", "bare"),
    [
        ("vae", ["encoder.downsamples.10000000.downsamples.0.x"], True),
        ("vae", ["encoder.downsamples.1000000000000.downsamples.0.x"], True),
        ("vae", ["block" * 20_000], False),
        ("vae", [f"decoder.up_blocks.0.{'block' * 20_000}"], True),
        ("dit", ["blocks.1000000000.ffn.0.weight"], True),
        ("text", ["encoder.block.1000000.layer.0.layer_norm.weight"], True),
        ("text", [f"x{number}" for number in range(20_000)], False),
    ],
)
def test_keys_are_claims(altered, kind, keys, bare):
    refused(kind, altered(kind, {key: torch.ones(1, 1) for key in keys}, bare=bare))


@pytest.mark.parametrize(
    ("kind", "info"),
    [
        ("vae", {"config__res_blocks": 100_000}),
        ("vae", {"config__dim_mult": [1] * 100_000, "config__temporal_down": [True] * 99_999}),
        ("vae", {"config__base_dim": -1}),
        ("vae", {"config": "large"}),
        ("dit", {"config__layers": 10**9}),
        ("dit", {"config__heads": 0}),
        ("dit", {"config__dim": 10**30}),
        ("dit", {"config__patch": [0, 2, 2]}),
        ("dit", {"config__eps": float("nan")}),
        ("dit", {"config__bogus": 1}),
        ("dit", {"config__text_length": -1}),
        ("dit", {"shift": float("nan")}),
        ("dit", {"shift": -3.0}),
        ("dit", {"shift": 0}),
        ("dit", {"shift": "three"}),
        ("dit", {"latent__std": [0.0] * 16}),
        ("dit", {"latent__mean": [float("inf")] * 16}),
        ("dit", {"latent": None}),
        ("text", {"config__layers": 100_000}),
        ("text", {"max_length": 10**7}),
        ("text", {"max_length": -1}),
        ("text", {"max_length": "long"}),
    ],
)
def test_headers_are_claims(altered, kind, info):
    refused(kind, altered(kind, **info))


@pytest.mark.parametrize("header", ["[1]", '"x"', "{", "[" * 100_000])
def test_headers_that_are_no_object(tmp_path, header):
    path = tmp_path / "dit.safetensors"
    save_file(load_file(FILES["dit"]), path, {METADATA_KEY: header})
    assert "header of dit.safetensors" in refused("dit", path)


@pytest.mark.parametrize("kind", list(FILES))
def test_tensors_that_lack_or_do_not_fit_are_told_before_weights_are_read(altered, kind):
    matrices = [key for key, value in load_file(FILES[kind]).items() if value.ndim > 1]
    keys = [key for key in matrices if "spiece" not in key and "linear" not in key]
    wrong = {keys[-7]: torch.ones(3, 5)}
    path = altered(kind, wrong, drop=keys[-6:])
    message = refused(kind, path, reader=False)
    assert message.startswith(f"{kind}.safetensors: ")
    assert "it lacks" in message
    assert "and 1 more" in message
    assert "(3, 5) instead of" in message


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int16, torch.int64, torch.bool])
@pytest.mark.parametrize("kind", list(FILES))
def test_types_that_are_no_weights_are_refused(altered, kind, dtype):
    state = load_file(FILES[kind])
    key = next(key for key, value in state.items() if value.ndim > 1 and "spiece" not in key)
    scale = {f"{key.removesuffix('.weight')}.scale_weight": torch.ones(())}
    kept = {} if kind == "vae" else scale
    message = refused(kind, altered(kind, {key: state[key].to(dtype), **kept}))
    assert "quantisation" in message
    assert str(dtype).removeprefix("torch.") in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS: download it"),
        (b"<!DOCTYPE html><html>", "it is a web page: download it again"),
        (b"\n<html>", "it is a web page: download it again"),
        (b'{"error": "Unauthorized"}', "perhaps a server response: download it again"),
        (b"<?xml version='1.0'?><Error>", "it is a web page: download it again"),
        (b"\xef\xbb\xbf<!doctype html>", "it is a web page: download it again"),
        (b"Entry not found", "there is no such file: download it again"),
        (b"\x80\x02\0\0\0\0\0\0{", "perhaps an incomplete download; download it again"),
        (b"\x80\x02\0\0\0\0\0\0{" + 999 * b" ", "it is damaged"),
        (b"PK\x03\x04\0\0\0\0{" + 99 * b" ", "perhaps an incomplete download; download it again"),
        (b"PK\x03\x04rest", "convert it to safetensors first"),
        (b"", "it is empty; download it again"),
        (None, "perhaps an incomplete download; download it again"),
    ],
)
def test_what_is_no_safetensors_file_is_called_by_name(tmp_path, content, message):
    path = tmp_path / "dit.safetensors"
    path.write_bytes(FILES["dit"].read_bytes()[:100_000] if content is None else content)
    assert message in refused("dit", path)
