"""Records of held mail."""

from collections.abc import Collection, Iterable, Sequence

from detector.records import held, held_queue
from detector.records.database import Database
from detector.records.held_entries import (
    Attempt,
    HeldDecision,
    HeldMessage,
    HeldRecipient,
    HeldSelection,
    HeldState,
    HeldUse,
)


class HeldMail(Database):
    """A part of `Records`. `spool` is the id of a directory on one host: its files are nobody else's business."""

    # -- people --

    def held(self, message_id: str) -> HeldMessage | None:
        with self._read("held") as connection:
            return held.get(connection, message_id)

    def held_like(self, prefix: str, limit: int) -> list[str]:
        """The ids that begin so."""
        with self._read("held_like") as connection:
            return held.like(connection, prefix, limit)

    def find_held(
        self, selection: HeldSelection, states: Collection[HeldState] = tuple(HeldState), limit: int = 100
    ) -> list[HeldMessage]:
        """Oldest first; a selection without conditions finds all."""
        with self._read("find_held") as connection:
            return held.find(connection, selection, states, limit)

    def count_held(self, selection: HeldSelection, decision: HeldDecision) -> int:
        """How many messages the decision would be about."""
        with self._read("count_held") as connection:
            return held.count(connection, selection, decision)

    def decide_held(
        self, selection: HeldSelection, decision: HeldDecision, actor: str, now: float, reason: str = ""
    ) -> int:
        """Release or discard all that is selected; how many there were. The releaser carries it out."""
        with self._write("decide_held") as connection:
            return held.decide(connection, selection, decision, (actor, now, reason))

    # -- the hold --

    def put_held(self, message: HeldMessage) -> bool:
        """False if the same message was handed over before, so that we have it already."""
        with self._write("put_held") as connection:
            return held.put(connection, message)

    def was_held(self, digest: str) -> bool:
        """Whether the message with this digest was held."""
        with self._read("was_held") as connection:
            return held.was_held(connection, digest)

    def held_digests(self, spool: str) -> list[str]:
        """By which messages that are handed over again are known."""
        with self._read("held_digests") as connection:
            return held.digests(connection, spool)

    def held_use(self, spool: str) -> list[HeldUse]:
        with self._read("held_use") as connection:
            return held_queue.use(connection, spool)

    # -- the releaser --

    def oldest_held(self, spool: str, account: str, limit: int) -> list[HeldMessage]:
        with self._read("oldest_held") as connection:
            return held_queue.oldest(connection, spool, account, limit)

    def let_held_go(self, message_ids: Sequence[str], now: float) -> list[str]:
        """Those that may be sent now, as far as nobody decided otherwise meanwhile."""
        with self._write("let_held_go") as connection:
            return held_queue.let_go(connection, message_ids, now)

    def due_held(self, spool: str, now: float, limit: int) -> list[HeldMessage]:
        with self._read("due_held") as connection:
            return held_queue.due(connection, spool, now, limit)

    def claim_held(self, message_id: str, recipients: tuple[HeldRecipient, ...], now: float) -> bool:
        """Durable before its end mark leaves; False if somebody decided otherwise meanwhile."""
        with self._write("claim_held") as connection:
            return held_queue.claim(connection, message_id, recipients, now)

    def settle_held(self, attempt: Attempt) -> bool:
        """Write what came of an attempt; False if somebody decided otherwise before it had been claimed."""
        with self._write("settle_held") as connection:
            return held_queue.settle(connection, attempt)

    def postpone_held(self, message_id: str, now: float, wait: float) -> None:
        """After a fault of ours: tried again later, or in doubt if its end mark may have left."""
        with self._write("postpone_held") as connection:
            held_queue.postpone(connection, message_id, now, wait)

    def doubt_held(self, spool: str, now: float) -> list[str]:
        """At start: what a crash left in the middle of its sending is in doubt from now on."""
        with self._write("doubt_held") as connection:
            return held_queue.doubt(connection, spool, now)

    def doubt_one_held(self, message_id: str, now: float, problem: str) -> None:
        """If it waits, it does so for people from now on, because of that problem."""
        with self._write("doubt_one_held") as connection:
            held_queue.doubt_one(connection, message_id, now, problem)

    # -- files and rows that go --

    def known_held(self, message_ids: Iterable[str]) -> set[str]:
        """Those of the ids that should have a file."""
        with self._read("known_held") as connection:
            return held_queue.known(connection, message_ids)

    def filed_held(self, spool: str) -> set[str]:
        """All that should have a file in this spool."""
        with self._read("filed_held") as connection:
            return held_queue.filed(connection, spool)

    def held_to_erase(self, spool: str, discarded_before: float, limit: int) -> list[str]:
        with self._read("held_to_erase") as connection:
            return held_queue.to_erase(connection, spool, discarded_before, limit)

    def held_erased(self, message_ids: Sequence[str]) -> None:
        with self._write("held_erased") as connection:
            held_queue.erased(connection, message_ids)

    def expire_held(self, spool: str, held_before: float, now: float) -> int:
        """Discard what nobody decided on for too long; how many there were."""
        with self._write("expire_held") as connection:
            return held_queue.expire(connection, spool, held_before, now)

    def held_waiting_since(self, spool: str, held_before: float) -> int:
        """How many nobody has decided on since then."""
        with self._read("held_waiting_since") as connection:
            return held_queue.waiting_since(connection, spool, held_before)

    def forget_held_before(self, then: float) -> int:
        """Delete the rows of messages that ended before; how many there were."""
        with self._write("forget_held_before") as connection:
            return held_queue.forget_before(connection, then)

    def held_rekeyed(self, message_id: str, key_id: str) -> None:
        with self._write("held_rekeyed") as connection:
            held_queue.rekeyed(connection, message_id, key_id)
