"""Order in the directory of held mail: what a crash left, what is missing, and what has been kept long enough."""

import math

from detector import log
from detector.config import Hold
from detector.metrics import Metrics
from detector.records.records import Records
from detector.relay.held_files import HeldFiles
from detector.traffic.clock import told_twice

ERASE_AT_ONCE = 500
WARN_BEFORE = 3 * 86_400.0
"""Seconds before undecided mail is discarded, from which on it is counted as expiring."""


class Housekeeping:
    """Everything here blocks. Raises `Temporary` and `OSError`.

    What was kept for too long goes when it was too old in the round before already: a host that starts with its clock
    years ahead has an hour to find out before all that waits is thrown away.
    """

    def __init__(self, settings: Hold, spool: str, files: HeldFiles, records: Records, metrics: Metrics) -> None:
        self._settings = settings
        self._spool = spool
        self._files = files
        self._records = records
        self._metrics = metrics
        self._before = self._then = -math.inf

    def begin(self, now: float, alone: bool = True) -> None:
        """At start, before anything is sent. `alone`: nobody holds mail meanwhile, so a crash has left what is half."""
        if alone:
            self._files.sweep()
        for message_id in self._records.doubt_held(self._spool, now):
            log.held_in_doubt(message_id)
            self._metrics.held_results.labels("in_doubt").inc()
        self.erase()
        here = self._files.complete()
        if alone:
            self._set_strangers_aside(here)
        self._look_for_missing(here)

    def tidy(self, now: float) -> None:
        """Now and then."""
        settings = self._settings
        then = self._then = told_twice(self._before, now)
        self._before = now
        expired = self._records.expire_held(self._spool, then - settings.keep, now)
        if expired:
            self._metrics.held_results.labels("expired").inc(expired)
            log.held_expired(expired)
        expiring = self._records.held_waiting_since(self._spool, now - settings.keep + WARN_BEFORE)
        self._metrics.held_expiring.set(expiring)
        self.erase()
        self._files.erase_set_aside(then - settings.keep_discarded)
        self._records.forget_held_before(then - settings.keep)
        self._look_for_missing(self._files.complete())

    def erase(self) -> None:
        """The files of messages that have ended. First the files: what a crash leaves is erased again."""
        discarded_before = self._then - self._settings.keep_discarded
        while True:
            ended = self._records.held_to_erase(self._spool, discarded_before, ERASE_AT_ONCE)
            if not ended:
                return
            self._files.erase(ended)
            self._records.held_erased(ended)

    def _set_strangers_aside(self, here: set[str]) -> None:
        """Files that no row knows. Most were never answered with 250; after a restored backup they may have been."""
        strangers = here - self._records.known_held(here)
        for message_id in strangers:
            self._files.set_aside(message_id)
        if strangers:
            log.held_set_aside(len(strangers))

    def _look_for_missing(self, here: set[str]) -> None:
        missing = self._records.filed_held(self._spool) - here
        # A message may have ended, or come, while we looked.
        missing = {message_id for message_id in missing if not self._files.path(message_id).exists()}
        missing &= self._records.filed_held(self._spool) if missing else set()
        for message_id in missing:
            log.held_unreadable(message_id, "its file is missing")
        self._metrics.held_damaged.set(len(missing))
