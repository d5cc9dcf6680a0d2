"""Group client: the account is used from networks, or with reverse-paths, that it never had.

The terms are one e-value of what was seen together, given as its factors, so they are added and not averaged. It stays
one as long as honest mail from an unseen network is at most 5 % of an account's mail: 0.05 e^1.5 + 0.95 e^-0.2 = 1.
"""

from detector.traffic.counting import Origin
from detector.traffic.habits import Habits
from detector.traffic.profile import Profile
from detector.verdict.odds import bounded
from detector.verdict.verdict import Evidence, Group, GroupScore

UNSEEN_NETWORK = 1.5
USUAL_NETWORK = -0.2
MORE_NETWORKS = 1.5  # for each beyond
NETWORKS_IN_AN_HOUR = 2  # a telephone between home and mobile network
UNSEEN_REVERSE_PATH = 0.5  # aliases and role addresses are common
HOUR = 3600.0


def weigh_client(profile: Profile, origin: Origin, now: float) -> GroupScore:
    """Nothing is said of an account without habits, nor of mail whose origin is not known."""
    evidence = (
        *_weigh_networks(profile.networks, origin.network, now),
        *_weigh_reverse_path(profile.reverse_paths, origin.reverse_path, now),
    )
    return GroupScore(Group.CLIENT, bounded(sum([one.nats for one in evidence])), evidence)


def _weigh_networks(networks: Habits, key: int, now: float) -> tuple[Evidence, ...]:
    if not key or not networks.any_usual(now):
        return ()
    unseen = not networks.usual(key, now)
    nats = UNSEEN_NETWORK if unseen else USUAL_NETWORK
    evidence = Evidence(Group.CLIENT, "unseen_network", float(unseen), 0.0, nats)
    count = networks.count_within(HOUR, now)
    if count <= NETWORKS_IN_AN_HOUR:
        return (evidence,)
    more = MORE_NETWORKS * (count - NETWORKS_IN_AN_HOUR)
    return (evidence, Evidence(Group.CLIENT, "networks_1h", count, NETWORKS_IN_AN_HOUR, more))


def _weigh_reverse_path(reverse_paths: Habits, key: int, now: float) -> tuple[Evidence, ...]:
    if not key or not reverse_paths.any_usual(now) or reverse_paths.usual(key, now):
        return ()
    return (Evidence(Group.CLIENT, "unseen_reverse_path", 1.0, 0.0, UNSEEN_REVERSE_PATH),)
