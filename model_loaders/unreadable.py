"""Identify a file that should be safetensors but is not, from its first bytes."""

from pathlib import Path

_LENGTH_BYTES = 8
_AGAIN = "download it again"

_KINDS = (
    (b"version https://git-lfs", f"a pointer to a file in Git LFS: {_AGAIN} with git lfs pull"),
    (b"<", f"a web page: {_AGAIN}, using the direct link to the file"),
    (b"\xef\xbb\xbf<", f"a web page: {_AGAIN}, using the direct link to the file"),
    (b"entry not found", f"a server response saying that there is no such file: {_AGAIN}"),
    (b"invalid username", f"a server response that asks for a login: log in and {_AGAIN}"),
    (b"access to model", f"a server response that asks for a login: log in and {_AGAIN}"),
    (b"{", f"JSON text, perhaps a server response: {_AGAIN}"),
    (b"PK\x03\x04", "a pickled checkpoint (.pt, .pth, .ckpt): convert it to safetensors first"),
    (b"\x80\x02", "a pickled checkpoint (.pt, .pth, .ckpt): convert it to safetensors first"),
    (b"GGUF", "a GGUF file, which is not supported: use the fp16, bf16 or fp8_scaled file"),
)


def unreadable(path: Path, error: Exception) -> str:
    """Say why a file is not a readable safetensors file, and what to do."""
    return f"{path.name} is not a readable safetensors file: {_reason(path, error)}"


def _reason(path: Path, error: Exception) -> str:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            first = file.read(64)
    except OSError as problem:
        return f"{problem.strerror}"
    if size == 0:
        return f"it is empty; {_AGAIN}"
    begin = first.lstrip().lower()
    if _is_header(first):  # even if its length bytes look like another format
        return _damage(size, first, error)
    known = (what for mark, what in _KINDS if first.startswith(mark) or begin.startswith(mark))
    what = next(known, None)
    if what is not None:
        return f"it is {what}"
    return _damage(size, first, error)


def _damage(size: int, first: bytes, error: Exception) -> str:
    if _claims_more(first, size) or "incomplete" in str(error).lower():
        return f"it is cut off after {size} bytes, perhaps an incomplete download; {_AGAIN}"
    return f"it is damaged ({str(error)[:100]}); {_AGAIN}"


def _is_header(first: bytes) -> bool:
    """Whether a file begins as safetensors: the length of a header up to 4 GB, then a brace."""
    return first[4:_LENGTH_BYTES] == bytes(4) and first[_LENGTH_BYTES:].startswith(b"{")


def _claims_more(first: bytes, size: int) -> bool:
    """Whether the file begins with a header that would be longer than the whole file."""
    header = int.from_bytes(first[:_LENGTH_BYTES], "little")
    return first[_LENGTH_BYTES:].startswith(b"{") and header + _LENGTH_BYTES > size
