"""Byte-pair tokens of RoBERTa, slow and obvious, to compare with."""

import unicodedata

SUFFIXES = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


def symbols():
    """Dictionary from byte to the printable character that stands for it."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {byte: chr(byte) for byte in printable}
    others = [byte for byte in range(256) if byte not in table]
    return table | {byte: chr(256 + i) for i, byte in enumerate(others)}


def kind(character):
    """What a character is to the splitting: space, letter, number, other."""
    if character in "\x1c\x1d\x1e\x1f":  # spaces to Python alone
        return "other"
    if character.isspace():
        return "space"
    category = unicodedata.category(character)[0]
    return {"L": "letter", "N": "number"}.get(category, "other")


def split_words(text):
    """The pieces of a text that merges never cross."""
    words = []
    start = 0
    while start < len(text):
        suffix = next((s for s in SUFFIXES if text.startswith(s, start)), None)
        # A run of one kind, with a single space in front if there is one.
        lead = start + (text[start] == " ")
        if suffix:
            end = start + len(suffix)
        elif lead < len(text) and kind(text[lead]) != "space":
            end = lead
            while end < len(text) and kind(text[end]) == kind(text[lead]):
                end += 1
        else:
            end = start
            while end < len(text) and kind(text[end]) == "space":
                end += 1
            if end < len(text) and end > start + 1:
                end -= 1  # the last space belongs to the next word
        words.append(text[start:end])
        start = end
    return words


def encode(text, vocabulary, merges):
    """Ids of a text, without those of its start and end."""
    table = symbols()
    ranks = {tuple(rule.split(" ")): rank for rank, rule in enumerate(merges)}
    ids = []
    for word in split_words(text):
        parts = [table[byte] for byte in word.encode()]
        while True:
            pairs = list(zip(parts[:-1], parts[1:], strict=True))
            best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)), default=())
            if best not in ranks:
                break
            merged, i = [], 0
            while i < len(parts):
                if tuple(parts[i : i + 2]) == best:
                    merged.append("".join(best))
                    i += 2
                else:
                    merged.append(parts[i])
                    i += 1
            parts = merged
        ids += [vocabulary.get(part, vocabulary.get("<unk>")) for part in parts]
    return ids
