"""Sound at other rates.

C channels, S samples.
"""

import torch
from torch import Tensor


def resampled(waveform: Tensor, rate: int, new_rate: int) -> Tensor:
    """Sound (C, S) float32 at another number of samples per second, over the same duration."""
    if rate == new_rate:
        return waveform
    from av import AudioFrame, AudioResampler

    length = round(waveform.shape[1] * new_rate / rate)
    rows: list[Tensor] = []
    for row in waveform:
        frame = AudioFrame.from_ndarray(row[None].contiguous().numpy(), "flt", "mono")
        frame.sample_rate = rate
        resampler = AudioResampler("flt", "mono", new_rate)
        made = [*resampler.resample(frame), *resampler.resample(None)]
        samples = torch.cat([torch.from_numpy(each.to_ndarray()[0]) for each in made])
        rows.append(torch.nn.functional.pad(samples, (0, max(0, length - len(samples))))[:length])
    return torch.stack(rows)
