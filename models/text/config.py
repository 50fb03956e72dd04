"""Sizes of the text encoders, and those of the shipped one."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class T5Config:
    """Sizes of an encoder.

    Args:
        bias_per_layer: whether every block has its own position bias (UMT5) or only block 0 (T5).
        qk_norm: normalise queries and keys per head, and scale their product by `d_kv`^-1/2. T5's
            own attention does neither: at learning rates that suit a small encoder, its logits grow
            until one key takes everything.
        positions: number of positions with a learned embedding, added to the tokens; 0 for none. It
            is also the longest text that such an encoder takes.
    """

    vocab_size: int
    d_model: int
    d_kv: int
    d_ff: int
    layers: int
    heads: int
    relative_buckets: int = 32
    relative_max_distance: int = 128
    eps: float = 1e-6
    bias_per_layer: bool = True
    qk_norm: bool = False
    positions: int = field(default=0, metadata={"least": 0})

    def __post_init__(self) -> None:
        sizes = (self.vocab_size, self.d_model, self.d_kv, self.d_ff, self.layers, self.heads)
        if min(sizes) < 1:
            raise ValueError(f"every size of a T5Config must be at least 1, got {self}")
        exact = self.relative_buckets // 4
        if self.relative_buckets % 4 or not 0 < exact < self.relative_max_distance:
            raise ValueError(
                f"{self.relative_buckets} relative buckets up to distance "
                f"{self.relative_max_distance} do not fit: use a multiple of 4 buckets, "
                "and a distance above a quarter of their number"
            )


TINY_TEXT = T5Config(
    vocab_size=96, d_model=96, d_kv=32, d_ff=192, layers=3, heads=3, qk_norm=True, positions=48
)
