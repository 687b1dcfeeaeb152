# SPDX-License-Identifier: Apache-2.0
"""place.py FOLDER POSITION: puts another position into the state files of a flow with one source partition, as an older
version, or the program that it takes over from, has stored it. Format: libdataflow/store/file.c."""
import glob
import struct
import sys

folder, position = sys.argv[1], sys.argv[2].encode()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


for name in glob.glob(f"{folder}/**/*.[01]", recursive=True):
    with open(name, "rb") as f:
        data = f.read()
    head, text = data[:20], data[24:]
    words = []
    while text:
        length, _, rest = text.partition(b":")
        words.append(rest[:int(length)])
        text = rest[int(length) + 1:]
    for i in range(0, len(words), 3):
        if not words[i].startswith(b"#") and not words[i + 1].startswith(b"#"):
            words[i + 2] = position
    text = b"".join(b"%d:%s\n" % (len(w), w) for w in words)
    head = head[:16] + struct.pack("<I", len(text))
    with open(name, "wb") as f:
        f.write(head + struct.pack("<I", crc32c(head + text)) + text)
