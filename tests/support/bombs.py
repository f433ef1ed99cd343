"""Small files that take much memory, time or disk to read."""

import io
import struct
import zlib

import numpy as np
import soundfile

EMPTY_BLOCK = 1 << 20


def zeros(size: int) -> bytes:
    """A gzip file that expands to `size` bytes; they are never in memory at once."""
    packed = zlib.compressobj(9, wbits=31)
    block = bytes(EMPTY_BLOCK)
    return b"".join(packed.compress(block) for _ in range(size // EMPTY_BLOCK)) + packed.flush()


def silence(seconds: int, rate: int = 1000) -> bytes:
    """A FLAC file: 13 bytes for a block of up to 4 s."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(seconds * rate, np.int16), rate, "PCM_16", format="FLAC")
    return file.getvalue()


def wav(rate: int, channels: int, data: bytes, declared: int | None = None) -> bytes:
    """16 bit; the header declares `declared` bytes of data."""
    size = len(data) if declared is None else declared
    form = struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * channels * 2 & 0xFFFFFFFF, channels * 2, 16)
    return b"RIFF" + struct.pack("<I", (36 + size) & 0xFFFFFFFF) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size) + data


def with_page_checksum(ogg: bytearray, at: int) -> bytes:
    """The Ogg file with the right checksum of its last page, which begins at `at`."""
    ogg[at + 22 : at + 26] = bytes(4)
    checksum = 0
    for byte in ogg[at:]:  # CRC-32 of RFC 3533: not reflected, unlike that of zlib
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ 0x04C1_1DB7) & 0xFFFF_FFFF if checksum & 0x8000_0000 else checksum << 1
    ogg[at + 22 : at + 26] = checksum.to_bytes(4, "little")
    return bytes(ogg)


def compressed_movie_header(size: int) -> bytes:
    """A QuickTime file with a compressed header that expands to `size` bytes of zeros."""
    packed = zlib.compressobj(9)
    block = packed.compress(bytes(EMPTY_BLOCK)) + packed.flush(zlib.Z_FULL_FLUSH)
    again = packed.compress(bytes(EMPTY_BLOCK)) + packed.flush(zlib.Z_FULL_FLUSH)
    content = struct.pack(">I", size) + block + again * (size // EMPTY_BLOCK)
    return _atom("ftyp", b"qt  \0\0\0\0") + _atom("moov", _atom("cmov", _atom("dcom", b"zlib") + _atom("cmvd", content)))


def movie_fragment(samples: int) -> bytes:
    """An MP4 file with a fragment that declares `samples` samples in a few bytes."""
    fragment = _atom("tfhd", b"\0\0\0\0" + struct.pack(">I", 1)) + _atom("trun", b"\0\0\0\0" + struct.pack(">I", samples))
    moof = _atom("moof", _atom("mfhd", bytes(8)) + _atom("traf", fragment))
    extends = _atom("mvex", _atom("trex", bytes(4) + struct.pack(">IIIII", 1, 1, 1, 2, 0)))
    return _atom("ftyp", b"isom\0\0\0\0") + _movie(extends) + moof + _atom("mdat", bytes(1 << 16))


def _movie(extends: bytes) -> bytes:
    """The header of a movie with one track without samples, 16 kHz mono 16 bit."""
    sound = _atom("sowt", bytes(6) + b"\0\1" + bytes(8) + struct.pack(">HHHHI", 1, 16, 0, 0, 16000 << 16))
    table = _atom("stbl", _atom("stsd", bytes(4) + struct.pack(">I", 1) + sound))
    media = _atom("mdhd", bytes(12) + struct.pack(">II", 16000, 0) + bytes(4))
    media += _atom("hdlr", bytes(8) + b"soun" + bytes(13)) + _atom("minf", _atom("smhd", bytes(8)) + table)
    track = _atom("tkhd", b"\0\0\0\7" + bytes(8) + struct.pack(">I", 1) + bytes(68)) + _atom("mdia", media)
    header = _atom("mvhd", bytes(12) + struct.pack(">II", 16000, 0) + bytes(80))
    return _atom("moov", header + _atom("trak", track) + extends)


def _atom(kind: str, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind.encode() + content


def webm_packets(rate: int, packets: int, packet_bytes: int) -> bytes:
    """WebM with packets of 16-bit silence; at a rate of 1 Hz a packet of a kilobyte is eight minutes long."""
    header = _element(0x1A45DFA3, _element(0x4282, b"webm"))
    audio = _element(0xB5, struct.pack(">d", rate)) + _element(0x9F, b"\1") + _element(0x6264, b"\x10")
    entry = _element(0xD7, b"\1") + _element(0x73C5, b"\1") + _element(0x83, b"\2") + _element(0x86, b"A_PCM/INT/LIT")
    tracks = _element(0x1654AE6B, _element(0xAE, entry + _element(0xE1, audio)))
    block = _element(0xA3, b"\x81\0\0\x80" + bytes(packet_bytes))
    return header + _element(0x18538067, tracks + _element(0x1F43B675, _element(0xE7, b"\0") + block * packets))


def webm_padding(size: int) -> bytes:
    """WebM that holds nothing but a header and `size` bytes that are skipped."""
    return _element(0x1A45DFA3, _element(0x4282, b"webm")) + _element(0x18538067, _element(0xEC, bytes(size)))


def _element(name: int, content: bytes) -> bytes:
    """An element of Matroska, with its length in eight bytes."""
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + (len(content) | 1 << 56).to_bytes(8, "big") + content
