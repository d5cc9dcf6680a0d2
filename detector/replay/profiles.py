"""Account profiles for one replay, in bounded memory: those in use as they are, the others packed."""

from collections import OrderedDict

from detector.traffic.packing import pack, unpack
from detector.traffic.profile import Profile

IN_USE = 5_000  # a profile that is not packed takes about ten times as much memory
MOST = 100_000  # as the relay's `state.accounts`; packed ones take 4 KB at most, usually one


class Profiles:
    """Of more than `most` accounts, the one that was not used for longest is forgotten and begins anew."""

    def __init__(self, in_use: int = IN_USE, most: int = MOST) -> None:
        self._in_use: OrderedDict[str, Profile] = OrderedDict()
        self._packed: OrderedDict[str, bytes] = OrderedDict()
        self._limits = in_use, most
        self.forgotten = 0

    def get(self, account: str) -> Profile:
        profile = self._in_use.get(account)
        if profile is not None:
            return profile
        packed = self._packed.get(account)
        return Profile() if packed is None else unpack(packed)

    def put(self, account: str, profile: Profile) -> None:
        in_use, most = self._limits
        self._in_use[account] = profile
        self._in_use.move_to_end(account)
        self._packed.pop(account, None)
        if len(self._in_use) > in_use:
            oldest, profile = self._in_use.popitem(last=False)
            self._packed[oldest] = pack(profile)
        if len(self._in_use) + len(self._packed) > most:
            (self._packed or self._in_use).popitem(last=False)
            self.forgotten += 1
