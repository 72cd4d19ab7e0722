"""An ESP's own words, made fit to be kept, counted and shown: no address, no secret, nothing that differs by message. Pure."""

import re

_LONGEST = 120
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_ADDRESS = re.compile(r"\S*@\S*")
# Keys, tokens, signatures and ids are long; so are names of errors, which are words_like_this or LikeThisException.
_NAME = r"(?:[a-z]+(?:_[a-z]+)+|(?:[A-Z][a-z]+)+):?"
_LONG = re.compile(rf"(?<!\S)(?!{_NAME}(?!\S))\S{{20,}}")
_DOMAIN = re.compile(r"\b[\w-]+(?:\.[\w-]+)*\.[A-Za-z][\w-]+\b")  # the domain of an address can name a person
_ONE_OFF = re.compile(r"\b(?=\w*\d)[\w.:-]{8,}\b|(?<![\d.])\d{6,}")  # ids and times: they would make every reason a different one


def reason_of(status: int | str, words: str = "") -> str:
    """A status or code and what was said with it."""
    text = _UNPRINTABLE.sub(" ", words)
    for pattern, mask in ((_ADDRESS, "…"), (_LONG, "#"), (_ONE_OFF, "#"), (_DOMAIN, "…")):
        text = pattern.sub(mask, text)
    return " ".join(f"{status} {text}".split())[:_LONGEST].rstrip()
