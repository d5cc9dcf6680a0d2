"""A profile as the shared state has it: a token, new with every change, and the packed profile behind it."""

import secrets
from dataclasses import dataclass

from detector import log
from detector.state.shared_words import Script
from detector.state.table import octets
from detector.traffic.packing import pack, unpack
from detector.traffic.profile import Profile

PREFIX = b"detector:profile:"
TOKEN_BYTES = 8
NOT_THERE = bytes(TOKEN_BYTES)
"""The token of a profile that is not there."""
EMPTY = Profile()
MOST_DOUBTS = 3
"""Changes of one profile of which nobody knows whether they were made: those before are forgotten."""
UNCHANGED = b"-"

CHANGE = Script(
    """
    local token = redis.call('GETRANGE', KEYS[1], 0, 7)
    if token == '' then token = string.rep('\\0', 8) end
    for at = 1, #ARGV[1], 8 do
        if string.sub(ARGV[1], at, at + 7) == token then
            if ARGV[2] == '' then
                redis.call('DEL', KEYS[1])
            elseif ARGV[2] ~= '-' then
                redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
            end
            return 1
        end
    end
    return redis.call('GET', KEYS[1]) or ''
    """
)
"""Replace a value whose first octets are one of these tokens: by nothing, by itself (-), or by another with a time to
live in milliseconds. 1, or what is there instead."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a process knows of a profile. `tokens`: the server has one of these if nobody else has changed it.

    `ahead`: the server does not have this profile, or perhaps not.
    """

    profile: Profile = EMPTY
    tokens: bytes = NOT_THERE
    ahead: bool = False

    def changed(self, profile: Profile) -> "Known":
        """Changed here only."""
        return Known(profile, self.tokens, ahead=True)

    def in_doubt(self, token: bytes) -> "Known":
        """The server was told of a change with this token, and perhaps has made it."""
        doubts = (self.tokens[TOKEN_BYTES:] + token)[-MOST_DOUBTS * TOKEN_BYTES :]
        return Known(self.profile, self.tokens[:TOKEN_BYTES] + doubts, ahead=True)


def key_of(account: str) -> bytes:
    return PREFIX + octets(account)


def account_of(key: bytes) -> str:
    return key[len(PREFIX) :].decode("utf-8", "surrogateescape")


def sealed(profile: Profile) -> tuple[bytes, bytes]:
    """The token of a change and the value that is stored; an empty profile is stored as nothing."""
    if profile == EMPTY:
        return NOT_THERE, b""
    token = secrets.token_bytes(TOKEN_BYTES)
    return token, token + pack(profile)


def known(account: str, value: bytes) -> Known:
    """What the server has; a damaged profile is as good as none, and will be written over."""
    if not value:
        return Known()
    token, packed = value[:TOKEN_BYTES], value[TOKEN_BYTES:]
    try:
        return Known(unpack(packed), token)
    except ValueError as error:
        log.state_unreadable(account, str(error))
        return Known(EMPTY, token)
