"""Whether all pages of an Ogg file are there, as they were written.

libsndfile leaves out pages that are damaged or missing, and reads a shorter sound.
"""

import zlib

HEADER = 27  # bytes, then the lengths of the segments
LAST = 4  # the flag of the last page of a stream
# Ogg's checksum is that of zlib with the bits of all bytes in the other order.
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_fault(path):
    """Says what is wrong with the pages of an Ogg file (Vorbis, Opus, FLAC in Ogg).

    Args:
        path: Path of a file.

    Returns:
        `None`, also for files of other formats; or a string that continues "The file
        is".

    Reference:
        RFC 3533, section 6.
    """
    open_streams, place = {}, 0
    with open(path, "rb") as file:
        while header := file.read(HEADER):
            if place == 0 and header[:4] != b"OggS":
                return None
            segments = file.read(header[26]) if len(header) == HEADER else b""
            body = file.read(sum(segments))
            where = f"the page at byte {place}"
            place = file.tell()
            if len(header) < HEADER or len(body) < sum(segments):
                return f"cut off in {where}"
            stored = int.from_bytes(header[22:26], "little")
            blank = header[:22] + bytes(4) + header[26:]
            if header[:4] != b"OggS" or _checksum(blank + segments + body) != stored:
                return f"damaged: {where} is not as it was written"
            stream, number = header[14:18], int.from_bytes(header[18:22], "little")
            if number != open_streams.get(stream, number - 1) + 1:
                return f"damaged: pages are missing before {where}"
            open_streams[stream] = number
            if header[5] & LAST:
                del open_streams[stream]
    return "cut off: its last page is missing" if open_streams else None


def _checksum(content):
    # Beginning with 0, which zlib inverts, as it does the result.
    reverse = zlib.crc32(content.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reverse:032b}"[::-1], 2)
