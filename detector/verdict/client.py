"""Group client: the account is used from networks, with programs, reverse-paths or authors that it never had.

The terms are one e-value of what was seen together, given as its factors, so they are added and not averaged: the odds
of what was seen between a thief's mail and an honest day of the account. Each honest day brings something new with a
chance that falls as the days go by (Laplace's rule of succession) to what moving about and new devices bring for ever.
"""

from functools import lru_cache
from math import log

from detector.mail.transaction import PERSONAL
from detector.traffic.counting import Origin
from detector.traffic.features import STREAMS
from detector.traffic.habits import Habits
from detector.traffic.profile import Profile
from detector.verdict.odds import bounded
from detector.verdict.verdict import CLIENT, Evidence, GroupScore

NEW_NETWORK, NEW_PROGRAM, BOTH_NEW = 0.04, 0.01, 0.005  # of honest days: travel, updates, a new telephone on the way
# Of a thief's mail: his own network and program (half), the owner's mail program with the password stolen from it,
# a program in the owner's network, and malware on the owner's own computer, which shows nothing.
THIEF = {(True, True): 0.5, (True, False): 0.2, (False, True): 0.05, (False, False): 0.25}
LIKELY = {  # the cells in question, where one of the two may not be known
    (network, program): [cell for cell in THIEF if network in (cell[0], None) and program in (cell[1], None)]
    for network in (True, False, None)
    for program in (True, False, None)
}
SIGNALS = {(True, True): "unseen_client", (False, True): "unseen_program"}
MORE_NETWORKS = 1.5  # for each beyond
NETWORKS_IN_AN_HOUR = 2  # a telephone between home and mobile network
UNSEEN_REVERSE_PATH = 0.5  # aliases and role addresses are common
HOUR = 3600.0


def weigh_client(profile: Profile, origin: Origin, now: float, owners: bool = False) -> GroupScore:
    """Nothing is said of an account without habits, or of mail whose origin is not known.

    `owners`: the text is the owner's, so that nothing about the client speaks against him.
    """
    evidence = (
        *_weigh_origin(profile, origin, now),
        *_weigh_number(profile.networks, origin.network, now),
        *_weigh_address(profile.reverse_paths, origin.reverse_path, "unseen_reverse_path", now),
        *_weigh_author(profile.reverse_paths, origin, now),
    )
    nats = bounded(sum([one.nats for one in evidence]))
    return GroupScore(CLIENT, 0.0, ()) if owners and nats > 0.0 else GroupScore(CLIENT, nats, evidence)


def _weigh_origin(profile: Profile, origin: Origin, now: float) -> tuple[Evidence, ...]:
    network = profile.networks.strange(origin.network, now)
    program = profile.programs.strange(origin.program, now)
    if network is None and program is None:
        return ()
    nats = _odds(profile.baseline.days[STREAMS.index(PERSONAL)], network, program)
    signal = SIGNALS.get((bool(network), bool(program)), "unseen_network")
    return (Evidence(CLIENT, signal, float(bool(network or program)), 0.0, nats),)


@lru_cache(maxsize=1024)  # there are nine for each number of days, which are few
def _odds(days: int, network: bool | None, program: bool | None) -> float:
    """Nats for a thief's mail, where network and program are new (True), usual (False), or nothing can be said."""
    honest, likely = _honest(days), LIKELY[network, program]
    return log(sum([THIEF[cell] for cell in likely]) / sum([honest[cell] for cell in likely]))


def _honest(days: int) -> dict[tuple[bool, bool], float]:
    """How likely an honest day of an account that was seen on so many days brings a new network, and a new program."""
    chance = 1.0 / (days + 2.0)
    both = BOTH_NEW + chance / 4.0
    network, program = NEW_NETWORK + chance / 2.0, NEW_PROGRAM + chance / 4.0
    return {
        (True, True): both,
        (True, False): network,
        (False, True): program,
        (False, False): max(1.0 - both - network - program, 0.25),
    }


def _weigh_number(networks: Habits, key: int, now: float) -> tuple[Evidence, ...]:
    if not key or len(networks.seen) <= NETWORKS_IN_AN_HOUR or not networks.any_usual(now):
        return ()
    count = networks.count_within(HOUR, now)
    if count <= NETWORKS_IN_AN_HOUR:
        return ()
    more = MORE_NETWORKS * (count - NETWORKS_IN_AN_HOUR)
    return (Evidence(CLIENT, "networks_1h", count, NETWORKS_IN_AN_HOUR, more),)


def _weigh_author(addresses: Habits, origin: Origin, now: float) -> tuple[Evidence, ...]:
    """The author counts where he is not the reverse-path, which was weighed already."""
    if origin.author == origin.reverse_path:
        return ()
    return _weigh_address(addresses, origin.author, "unseen_author", now)


def _weigh_address(addresses: Habits, key: int, signal: str, now: float) -> tuple[Evidence, ...]:
    if not addresses.strange(key, now):
        return ()
    return (Evidence(CLIENT, signal, 1.0, 0.0, UNSEEN_REVERSE_PATH),)
