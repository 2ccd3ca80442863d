"""One name of a formula: x, gamma, xhat, dw, Cg."""

import re

GREEK = {"alpha": r"\alpha", "beta": r"\beta", "gamma": r"\gamma", "eps": r"\varepsilon"}


class Unreadable(Exception):
    """The text is not a formula of this grammar."""


def symbol(word: str) -> str:
    """Set one name: a letter in italics, a word upright, Greek as Greek, dy as the gradient of y."""
    if word in GREEK:
        return GREEK[word]
    if len(word) == 1:
        return word
    if found := re.fullmatch(r"([A-Za-z])(\d|[a-z](?=$)(?<=[CO]g))", word):
        return f"{found[1]}_{{{found[2]}}}"
    if word.endswith("hat"):
        return rf"\hat{{{word[:-3]}}}"
    if word[0] == "d" and (len(word) == 2 or word[1:] in GREEK or word[1:] == "logits" or re.fullmatch(r"d\w\d", word)):
        return rf"\mathrm{{d}}{symbol(word[1:])}"
    if word in ("sum", "of", "over", "where", "with", "the", "along", "and", "else", "or"):
        raise Unreadable
    return rf"\mathrm{{{word}}}".replace("_", r"\_")
