"""Passwords that a list of the most common ones begins with, known by how they are made.

Such lists are a few words, names of keys that lie side by side, years and digits, put one after the
other and dressed up with a sign or two. So a password is taken apart into such pieces: each piece
is one guess, whatever its length, as each other character is. It needs enough of them.
"""

import re

FEWEST_PIECES = 6
SHORTEST_RUN = 3

COMMON = """
abc access account admin administrator alpha amazon america andrew angel anthony apple arsenal
asdf ashley austin bailey banana barcelona baseball basketball batman bitcoin blink bonnie
boomer broker buster butterfly changeme charlie cheese chelsea chicken chocolate claire coffee
coindcx computer cookie corona cricket crypto daniel database default diamond dog dragon eagle
ethereum facebook family fish flower football forever freedom friend gandalf george ginger
google guest hannah happy harley heaven hello hockey hunter iceman india internet jackson
jasmine jennifer jessica jesus jordan joshua justin killer king kitty krishna letmein liverpool
login london love loveme lovely maggie manager maria martin master matrix matthew maverick
merlin michael michelle mickey minecraft money monkey mother mustang mypassword naruto nicole
ninja nothing orange pass passcode passwd passport password passw peanut pepper pokemon princess
private purple qazwsx qwer qwert qwerty rachel rainbow ranger robert root samsung samantha
secret secure server shadow silver slipway snoopy soccer starwars steelers strategy summer
sunshine super superman sweet system taylor temp tennis test testing thomas tigger tiger trade
trader trading trustno trust user victoria welcome whatever william winter wizard yamaha
iloveyou you autumn spring january february march april may june july august september october
november december monday tuesday wednesday thursday friday saturday sunday
"""
WORDS = frozenset(COMMON.split())
ROWS = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "!@#$%^&*()",
)  # fmt: skip
DRESSED = str.maketrans("4@301!5$7", "aaeoiisst")
YEAR = re.compile(r"(?:19|20)\d\d")


def is_guessable(password: str) -> bool:
    plain = password.lower()
    dressed = plain.translate(DRESSED)
    at = pieces = 0
    while at < len(plain) and pieces < FEWEST_PIECES:
        at += max(_run(plain, at), _word(plain, at), _word(dressed, at))
        pieces += 1
    return pieces < FEWEST_PIECES


def _word(text: str, at: int) -> int:
    """How long the longest word is that begins here."""
    return next((end - at for end in range(len(text), at, -1) if text[at:end] in WORDS), 0)


def _run(text: str, at: int) -> int:
    """A year, the same character again and again, the same few, keys side by side: how long it is,
    a single character at least.
    """
    longest = 4 if YEAR.match(text, at) else 1
    for step in (1, 2, 3, 4):
        end = at + step
        while text[end : end + step] == text[at : at + step]:
            end += step
        if end - at >= max(SHORTEST_RUN, 2 * step):
            longest = max(longest, end - at)
    for row in ROWS:
        for line in (row, row[::-1]):
            end = at + SHORTEST_RUN
            while end <= len(text) and text[at:end] in line:
                longest, end = max(longest, end - at), end + 1
    return longest
