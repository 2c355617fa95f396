"""What the header of a sound file says, held against the rest of the file.

libsndfile believes a header that contradicts itself, and reads another sound.
"""

import pathlib

# What programs write that cannot know the length: ffmpeg 2^32 - 1, sox 2^31 - 2^12.
UNKNOWN_LENGTH = 0x7FFFF000
# Format tags of WAV whose samples are numbers of one width; EXTENSIBLE stands for
# any of the others.
PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
# AIFF, and the kinds of AIFF-C that are not compressed.
AIFF_KINDS = (b"", b"NONE", b"sowt", b"twos", b"fl32", b"FL32", b"fl64", b"FL64")
# Hz, by the number that a frame of FLAC begins with.
FLAC_RATES = dict(
    enumerate((88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100), 1)
)
FLAC_RATES |= {10: 48000, 11: 96000}


def header_fault(path):
    """Says what is wrong with a sound file, as far as its header tells.

    Args:
        path: Path of a file.

    Returns:
        `None`, or a string that continues "The file is": that samples are missing, or
        that what a WAV, AIFF or FLAC file says twice does not agree. Files of other
        formats are not looked at.
    """
    path = pathlib.Path(path)
    with open(path, "rb") as file:
        head = file.read(12)
        kind, end = head[:4], path.stat().st_size
        if kind in (b"RIFF", b"RF64", b"BW64", b"RIFX"):
            return _wav_fault(file, end, head, "big" if kind == b"RIFX" else "little")
        if kind == b"FORM":
            return _aiff_fault(file, end, head)
        if kind == b"fLaC":
            return _flac_fault(file)
    return None


def flac_digest(path):
    """The MD5 digest of the samples that a FLAC file was made of, or `None`.

    Args:
        path: Path of a file.

    Returns:
        `bytes`; `None` for other files and where the program that wrote the file
        left the digest out.
    """
    with open(path, "rb") as file:
        head = file.read(42)
    digest = head[26:42]
    return digest if head[:4] == b"fLaC" and any(digest) else None


def _chunks(file, order):
    """Yields the name and size of each chunk, with the file at its content."""
    while len(header := file.read(8)) == 8:
        size, start = int.from_bytes(header[4:], order), file.tell()
        yield header[:4], size
        file.seek(start + size + size % 2)


def _wav_fault(file, end, head, order):
    long_size = None
    for name, size in _chunks(file, order):
        if name == b"fmt ":
            fault = _wav_format_fault(file.read(min(size, 16)), order)
            if fault:
                return fault
        elif name == b"ds64" and head[:4] != b"RIFF":
            # The sizes of a file above 4 GiB: of the whole, then of its samples.
            long_size = int.from_bytes(file.read(16)[8:], order)
        elif name == b"data":
            if long_size is not None and size == 0xFFFFFFFF:
                size = long_size
            elif size >= UNKNOWN_LENGTH:
                return None
            whole = 8 + int.from_bytes(head[4:8], order)
            return _size_fault(file, size, end, whole, order)
    return None


def _wav_format_fault(content, order):
    if len(content) < 16:
        return None  # libsndfile refuses it
    tag, channels, rate, per_second, per_frame, bits = (
        int.from_bytes(content[start:stop], order)
        for start, stop in ((0, 2), (2, 4), (4, 8), (8, 12), (12, 14), (14, 16))
    )
    if tag not in (PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE):
        return None
    # 24 bits may lie in 4 bytes.
    widths = {-(-bits // 8), 4} if bits == 24 else {-(-bits // 8)}
    if tag in (A_LAW, MU_LAW):
        widths &= {1}
    if per_frame not in {channels * width for width in widths}:
        return (
            f"damaged: its header says that {channels} channels of {bits} bits are "
            f"{per_frame} bytes"
        )
    if per_second != rate * per_frame:
        return (
            f"damaged: its header says that {rate} times {per_frame} bytes are "
            f"{per_second} bytes a second"
        )
    return None


def _size_fault(file, size, end, whole, order):
    """Of the chunk of samples: whether it ends where something else begins."""
    after = file.tell() + size
    if after > end:
        return f"cut off: {after - end} bytes of its samples are missing"
    ends = {after, after + size % 2}
    if ends & {end, whole}:
        return None
    file.seek(max(ends))
    name, length = file.read(4), int.from_bytes(file.read(4), order)
    if all(32 <= byte < 127 for byte in name) and file.tell() + length <= end:
        return None
    return (
        f"damaged: its header says that {size} bytes are samples, but what follows "
        "them is not another part of the file"
    )


def _aiff_fault(file, end, head):
    expected = None
    for name, size in _chunks(file, "big"):
        if name == b"COMM":
            content = file.read(min(size, 22))
            channels, frames, bits = (
                int.from_bytes(content[start:stop], "big")
                for start, stop in ((0, 2), (2, 6), (6, 8))
            )
            if content[18:] in AIFF_KINDS:
                expected = channels * frames * -(-bits // 8)
        elif name == b"SSND":
            if size >= UNKNOWN_LENGTH:
                return None
            start = file.tell()
            offset = int.from_bytes(file.read(4), "big")
            held = size - 8 - offset
            file.seek(start)
            whole = 8 + int.from_bytes(head[4:8], "big")
            fault = _size_fault(file, size, end, whole, "big")
            if fault is None and expected not in (None, held):
                fault = (
                    f"damaged: its header says that its samples are {expected} bytes, "
                    f"but there are {held}"
                )
            return fault
    return None


def _flac_fault(file):
    """Whether the rate of the whole file is that of its first frame."""
    file.seek(4)
    rate = None
    while len(header := file.read(4)) == 4:
        size, start = int.from_bytes(header[1:], "big"), file.tell()
        if rate is None:
            rate = int.from_bytes(file.read(18)[10:13], "big") >> 4
        file.seek(start + size)
        if header[0] & 0x80:
            break
    first = _flac_frame_rate(file.read(16))
    if first not in (None, rate):
        return (
            f"damaged: its header says that its rate is {rate} Hz, its first frame "
            f"{first} Hz"
        )
    return None


def _flac_frame_rate(frame):
    """The rate that the header of a frame says, or `None`."""
    if len(frame) < 16 or frame[0] != 0xFF or frame[1] & 0xFC != 0xF8:
        return None  # libFLAC refuses it
    code = frame[2] & 15
    # The number of the frame, in one byte for the first; then its length if that is
    # none of a list.
    start = 5 + {6: 1, 7: 2}.get(frame[2] >> 4, 0)
    if code == 12:
        return 1000 * frame[start]
    if code in (13, 14):
        value = int.from_bytes(frame[start : start + 2], "big")
        return value if code == 13 else 10 * value
    return FLAC_RATES.get(code)
