r"""Secrets that stand in a text beside a name that tells them: ``name=value``, ``name: value``, ``--name value``.

A name is followed by a sign, and that by a value in quotes or without. What is in quotes is hidden to the closing one,
over line breaks, also where the quotes themselves are escaped, as in JSON inside a text (``{\"password\": \"...\"}``).
After ``name: `` or ``name = `` stands ordinary text, too ("token: 5 tokens used"): there, a value without quotes is
hidden if it is alone on its line, or is neither a number nor words. Everything takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MASK = "***"

_QUOTE = r"""\\{0,15}+["']"""
_ASSIGNED = re.compile(
    rf"""(?P<name>(?<![\w.-])[\w.-]{{2,80}}+)
    (?:{_QUOTE})?+(?P<sign>[ \t]{{0,8}}+(?:=>|:=|={{1,2}}|:)[ \t]{{0,8}}+)(?P<open>{_QUOTE})?""",
    re.ASCII | re.VERBOSE,
)
_OPTION = re.compile(  # begins with a literal, which is looked for fast
    rf"""-(?<![\w-]-)(?P<name>-?[A-Za-z][\w.-]{{1,80}}+)
    (?P<sign>[ \t]{{1,8}}+(?:\\\n[ \t]{{0,40}}+)?|{_QUOTE}[ \t]{{0,8}}+,\s{{0,40}}+(?={_QUOTE}))(?P<open>{_QUOTE})?""",
    re.ASCII | re.VERBOSE,
)
"""Also from a list that was written as a text: ``['--name', 'value']``."""
_PAIR = re.compile(
    rf"""(?:[nN]ame|[kK]ey)(?:{_QUOTE})?+[ \t]{{0,8}}+:\s{{0,8}}+(?:{_QUOTE})?+(?P<name>[\w.-]{{2,80}}+)(?:{_QUOTE})?+
    (?:\s{{0,8}}+,|[ \t]{{0,8}}+\r?\n)\s{{0,40}}+(?:{_QUOTE})?+(?:[vV]alue|DefaultValue)(?:{_QUOTE})?+
    (?P<sign>[ \t]{{0,8}}+:\s{{0,8}}+)(?P<open>{_QUOTE})?""",
    re.ASCII | re.VERBOSE,
)
"""In a text that is not quite JSON: YAML, several documents, or one that was cut."""
_USER = re.compile(
    rf"""-(?<![\w-]-)(?P<name>[uU]|-(?:proxy-)?user)(?P<sign>[ \t=]{{0,3}}+)(?P<open>{_QUOTE})?+
    [^\s:"'\\]{{1,200}}+:""",
    re.ASCII | re.VERBOSE,
)
"""curl's ``-u user:password``."""

_END = re.compile(r"[\"']")
_WORD = re.compile(r"[^\s\"'&;,]+")
_SCHEME = re.compile(
    r"(?:Token|ApiKey|Api-Key|Key|Bearer|Basic|Digest|Negotiate)[ ]{1,3}(?=[^\s\"'&;,])", re.IGNORECASE
)
_NUMBER = re.compile(r"[\d.,:%/+-]*")
_LETTERS = re.compile(r"[^\W\d_]++(?:[-_./'][^\W\d_]++)*+")
_PLAIN = frozenset({"true", "false", "none", "null", "nil", "yes", "no", "~"})
_PLACE = re.compile(r"arn:aws.*|</?[A-Za-z_|-]+>|[|>][+-]?|\{\{|\$\{[A-Za-z_]+|[\[{]{1,3}")
"""Where a value stands, or comes: an ARN, ``<pad>``, a block of YAML, a template's or a shell's variable, what a list
or an object begins with."""
_COUNTS = re.compile(r"tokens|token[-_]?(?:ids?|count)\b", re.IGNORECASE)
_OTHER = re.compile(
    r"tokeni[sz](?:ers?|ation|e|ed|ing)(?:[-_.](?:class|config|dir|file|mode|name|parallelism|path|revision|type)){0,3}\Z"
    r"|(?:Exception|Error)\Z",
    re.IGNORECASE,
)
"""Names with a sensitive word that stand before other things: ``tokenizer: bert``, ``ExpiredTokenException: ...``."""
_NEXT = re.compile(r"--(?:[A-Za-z]|\Z)|-[A-Za-z]?\Z")
_CALL = re.compile(r"[A-Za-z_.]{1,80}+[(\[]")
"""In a traceback: ``token = self.encode(text)``."""
_SHORTEST = 6
"""Characters of the shortest value that is hidden within a sentence."""
_BEFORE = 40
"""Characters before a name in which its line may begin: a bound, since a line may be as long as the text."""


def without_named(text: str, hides: Callable[[str], bool]) -> str:
    """The text without the values that stand beside a name which hides."""
    assigned, option = "=" in text or ":" in text, "-" in text
    if not assigned and not option:
        return text
    known: dict[str, bool] = {}

    def hides_once(name: str) -> bool:
        """A text of many documents repeats its names, and each question takes a while."""
        if (found := known.get(name)) is None:
            found = known[name] = hides(name)
        return found

    if assigned:
        text = _replaced(text, _ASSIGNED, hides_once, _assigned_end)
        if "alue" in text:
            text = _replaced(text, _PAIR, hides_once, _pair_end)
        if "curl" in text:
            text = _replaced(text, _USER, lambda _: True, _user_end)
    if option:
        text = _replaced(text, _OPTION, hides_once, _option_end)
    return text


def is_harmless(name: str, value: str) -> bool:
    """Whether this is no secret, as language models have it beside a sensitive word: a number after ``num_tokens`` or
    ``pad_token_id``, anything after ``tokenizer``.
    """
    return _OTHER.search(name) is not None or (
        _NUMBER.fullmatch(value) is not None and _COUNTS.search(name) is not None
    )


def is_option(word: str) -> bool:
    """Whether this is an option itself: it follows one that has no value."""
    return _NEXT.match(word) is not None


def _replaced(
    text: str,
    heads: re.Pattern[str],
    hides: Callable[[str], bool],
    end_of: Callable[[str, re.Match[str]], int],
) -> str:
    """The text with a mask for each value that follows a head: from the head's end to what ``end_of`` says."""
    pieces: list[str] = []
    done = 0
    for head in heads.finditer(text):
        if head.start() < done or not hides(head["name"].strip("-")):
            continue
        start = head.end()
        end = _closing(text, start, head["open"]) if head["open"] else end_of(text, head)
        if end > start:
            pieces += (text[done:start], MASK)
            done = end
    return "".join((*pieces, text[done:])) if done else text


def _closing(text: str, start: int, opening: str) -> int:
    """Where the quote closes; the text's end where it does not.

    With one level of escapes, backslashes of the content stand in pairs before a quote, with two levels in fours, and
    so on.
    """
    escapes = len(opening) - 1
    for quote in _END.finditer(text, start):
        if quote[0] != opening[-1]:
            continue
        at = quote.start()
        first = at
        while first > start and text[first - 1] == "\\":
            first -= 1
        count = at - first
        if count < escapes or count % (2 * escapes + 2) == escapes:
            return at - min(count, escapes)
    return len(text)


def _word_end(text: str, start: int) -> int:
    word = _WORD.match(text, start)
    return word.end() if word else start


def _pair_end(text: str, head: re.Match[str]) -> int:
    return _word_end(text, head.end())


def _assigned_end(text: str, head: re.Match[str]) -> int:
    start, name = head.end(), head["name"]
    if head["sign"] in ("=", "=="):
        end = _word_end(text, start)
        return start if is_harmless(name, text[start:end]) else end
    if not head["sign"][-1:].isspace() or _OTHER.search(name):  # without a space: an ARN, an image's tag
        return start
    if "=" in head["sign"] and _CALL.match(text, start):
        return start
    scheme = _SCHEME.match(text, start)
    word_start = scheme.end() if scheme else start
    end = _word_end(text, word_start)
    return end if _tells(text, head.start(), text[word_start:end], end) else start


def _option_end(text: str, head: re.Match[str]) -> int:
    start, name = head.end(), head["name"]
    end = _word_end(text, start)
    word = text[start:end]
    if is_option(word) or is_harmless(name, word):
        return start
    if not name.startswith("-") and _is_ordinary(word):  # one dash only: may be a list in plain words
        return start
    return end


def _user_end(text: str, head: re.Match[str]) -> int:
    start = head.end()
    end = _word_end(text, start)
    word = text[start:end]
    return start if word.isdigit() or word.startswith("//") else end  # a group's number; a URL


def _tells(text: str, name_start: int, word: str, end: int) -> bool:
    """Whether a word after ``name: `` is a value rather than a part of a sentence."""
    bare = word.rstrip(".!?:)]}")
    if _NUMBER.fullmatch(bare) or bare.lower() in _PLAIN or _PLACE.fullmatch(bare):
        return False
    first = max(0, name_start - _BEFORE)
    before = text[first:name_start].rstrip(" \t-")
    begins = not before or before[-1] in "\n\r\"'{"
    after = text[end : end + _BEFORE].lstrip(" \t")
    return (begins and (not after or after[0] in "\n\r\"'\\")) or not _is_ordinary(bare)


def _is_ordinary(word: str) -> bool:
    return len(word) < _SHORTEST or _LETTERS.fullmatch(word) is not None or _NUMBER.fullmatch(word) is not None
